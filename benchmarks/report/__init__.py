"""A report to browse: results, learning curves and clusters in one HTML file."""
