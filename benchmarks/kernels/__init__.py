"""Graph kernels: labelled graphs, Gram matrices kept on disk, and an SVM chosen by nested CV."""
