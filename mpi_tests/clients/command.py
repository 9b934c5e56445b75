"""The command hf, which takes longer to load than to do what it is told: loaded once, for the Python
that runs this, and run by a child for each request. The script that pip makes of it calls the same
function.

Each line of the standard input is a request, {"words": [...], "out": path, "err": path}; each is
answered by one line on the standard output, the exit code.
"""

import json
import os
import sys

from huggingface_hub.cli.hf import main


def run(words, out, err):
    for descriptor, path in enumerate((os.devnull, out, err)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.argv = ["hf", *words]
    sys.exit(main())


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(**json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
