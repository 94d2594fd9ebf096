"""The code that runs inside the processes which stand for containers, apart from the account's own process.

Nothing in here imports anything else of the account: in a container this package is not on the path.
"""
