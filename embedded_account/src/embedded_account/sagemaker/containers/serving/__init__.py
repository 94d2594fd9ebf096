"""The process of one endpoint instance: AWS's own inference toolkit behind the container contract.

`container.py` is started by its path, so that nothing of this package is on the module path of a user's code; the
modules beside it import one another relatively, since there they have another package name than here.
"""
