"""terminal.py SCRIPT [ANSWER]...: see on_terminal in helper.bash."""
import os
import pty
import select
import signal
import sys
import termios
import time

script, answers = sys.argv[1], sys.argv[2:]
pid, tty = pty.fork()
if pid == 0:
    # A background job has it ignored, and would hand that on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for fd in (0, 1):
        os.dup2(os.open(os.devnull, os.O_RDWR), fd)
    os.execvp("bash", ["bash", "-c", script])


def echo():
    return bool(termios.tcgetattr(tty)[3] & termios.ECHO)


shown, end, status = b"", time.monotonic() + 120, None
while True:
    if time.monotonic() > end:
        os.kill(pid, 9)
    # The next prompt is there when something was said since the last answer, and echo is off.
    if answers and shown.endswith(b": ") and not echo():
        answer = answers.pop(0)
        shown += b"<answer>"
        os.write(tty, {"^C": b"\x03", "^D": b"\x04"}.get(answer) or answer.encode() + b"\n")
    if status is None:
        done, code = os.waitpid(pid, os.WNOHANG)
        if done:
            status, still_echo = os.waitstatus_to_exitcode(code), echo()
    if select.select([tty], [], [], 0.02)[0]:
        try:
            shown += os.read(tty, 4096)
        except OSError:  # the other side is closed
            break
    elif status is not None:
        break
if status is None:
    still_echo = echo()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(shown.decode().replace("\r\n", "\n"), end="")
if not still_echo:
    print("echo is off")
if answers:
    print("answers that nobody asked for:", len(answers))
sys.exit(status if status >= 0 else 128 - status)
