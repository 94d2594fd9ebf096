"""The process of one endpoint instance: AWS's own inference toolkit behind the container contract.

`container.py` is started by its path, so that nothing of this repository is on the module path of a user's code.
"""
