"""`make bench`: what a reading costs, beside the bare libraries in the same run. Method: docs/performance.md.

Not a part of the application: it starts the application's own processes and looks at them from outside.
"""
