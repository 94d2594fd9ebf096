#!/bin/sh
# Print a Python from 3.11 to 3.13 that works: the one given, else .venv's, else the newest that is found.
# A name that is there may still fail (pyenv leaves one for each version that it has anywhere), so each is run.
#
#     requirements/python.sh [PYTHON]

works() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' > /dev/null 2>&1
}

if [ -n "$1" ]; then
    works "$1" && echo "$1" && exit 0
    echo "$1: is not a Python from 3.11 to 3.13 that runs; name another: make PYTHON=/path/to/python3.12" >&2
    exit 1
fi
for python in .venv/bin/python python3.13 python3.12 python3.11 python3 python; do
    works "$python" && echo "$python" && exit 0
done
echo 'Python: none from 3.11 to 3.13 was found; install one, or name it: make PYTHON=/path/to/python3.12' >&2
exit 1
