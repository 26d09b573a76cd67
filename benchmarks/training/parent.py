"""Processes that end with the one that started them, however that ends."""

import os
import threading
import time
from functools import cache


@cache
def end_with(parent: int) -> None:
    """End this process soon after its parent, also while it waits.

    Args:
        parent: The parent's process id.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
