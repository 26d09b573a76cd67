"""Everything with a stopwatch: what is timed against whom, on which batches, and how.

Written once: works (:mod:`.works`), turns (:mod:`.turns`), peak memory, processes of their own,
the machine's rates and limits, rivals with their errors, targets and tables. The benches say the
rest: ``coarsen``, ``epoch``, ``scaling``, ``loader``, ``claim`` (``paper --table time``), and
``gpu``, the same works on a GPU. May import data, methods and training, never a command.
"""
