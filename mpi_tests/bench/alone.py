"""alone.py OUT COMMAND...: seconds, CPU and memory of a command, as JSON into OUT.

A process of its own, since a child begins with the peak of whoever starts it: the bench is larger
than many a program that it measures."""

import json
import os
import subprocess
import sys
import time

begin = time.monotonic()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as out:
    found = {
        "wall": time.monotonic() - begin,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss * 1024,
    }
    json.dump(found, out)
sys.exit(os.waitstatus_to_exitcode(status))
