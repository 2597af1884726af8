# bounded.py MIB SECONDS: runs the commands that come on standard input, one a line, behind the
# exit codes that are right for each ("01 hexz-diff a b"). A command that exits with another code,
# takes more memory or CPU time than that, panics, or says anything but lines of its own name and
# hints, is named on standard error, and the exit code is 1.

import os, resource, subprocess, sys, tempfile

mib, seconds = int(sys.argv[1]), int(sys.argv[2])


def limits():
    # Limits of the kernel keep a command from taking the machine with it. A Go program reserves
    # about 1.3 GiB of addresses that it does not use.
    room = (mib + 4096) << 20
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def fault(codes, command):
    with tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, preexec_fn=limits)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = code = os.waitstatus_to_exitcode(status)
        err.seek(0)
        said = err.read().decode()
    lines = said.splitlines()
    own = [line for line in lines if line.startswith(command[0] + ": ") and ": warning: " not in line]
    if str(code) not in codes:
        return f"exit {code} instead of {codes}: {said[:2000]}"
    if usage.ru_maxrss >> 10 > mib:
        return f"{usage.ru_maxrss >> 10} MiB of memory"
    if any(not line.startswith((command[0] + ": ", "hint: ")) for line in lines):
        return f"says {said[:2000]}"
    if code and not own and command[0] != "hexz-diff" or len(own) > 1 and command[0] != "hexz-verify":
        return f"exit {code} and {len(own)} errors: {said[:2000]}"


failed = count = 0
for line in sys.stdin:
    codes, *command = line.split()
    count += 1
    if what := fault(codes, command):
        print(f"{' '.join(command)}: {what}", file=sys.stderr)
        failed = 1
sys.exit(failed or not count)
