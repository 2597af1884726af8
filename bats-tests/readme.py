"""readme.py README: runs the code blocks of a document, each command as a user would type it, in the
current directory and environment. A command that fails, and output in a console block that is not
what the command prints, end it with a message. Where a command is to end otherwise, or asks for a
passphrase, is said in the tables below."""
import collections
import os
import re
import subprocess
import sys
import time

# Command, and why it is not run.
SKIPPED = {"make test": "this is one of its tests", "make check": "make test has all of it"}
# What a command begins with, and the exit code that the document promises.
CODES = {"hexz-diff": 1, "hexz-unseal --salvage": 3, "hexz-cat --keep-going": 3}
# What a command has in it, and what is typed at its prompts.
ANSWERS = {"hexz-keygen sign": ["secret", "secret"], "--sign sign.key": ["secret"]}
# Where the repository is, for what is to be typed there.
REPOSITORY = ("make",)

Command = collections.namedtuple("Command", "line text want")


def commands(lines):
    """Yields the commands of all code blocks: of those that are indented, and of ```console."""
    lines, fence = list(enumerate(lines, 1)), None
    text, want, at, blank = "", None, 0, True
    for number, line in lines + [(0, "end")]:
        if line.startswith("```"):
            fence = line[3:] if fence is None else None
            line = ""
        code = None
        if fence == "console":
            code = line[2:] if line.startswith("$ ") else None
            if code is None and want is not None:
                want.append(line)
                continue
        elif fence is None and line.startswith("    ") and (blank or text or code):
            code = line[4:]
        if want is not None and (code is not None or fence is None):
            yield Command(at, text, want)
            text, want = "", None
        if code is not None:
            text, at = (text + "\n" + code, at) if text else (code, number)
            if fence == "console":
                want = []
            elif not code.partition(" #")[0].rstrip().endswith(("|", "\\")):
                yield Command(at, text, None)
                text = ""
        blank = not line.strip() or line.startswith("    ")


def shape(line):
    """A line without what depends on the disk: numbers, units, hashes, and plurals with them."""
    line = re.sub(r"\b[0-9a-f]{64}\b", "HASH", line)
    line = re.sub(r"\b\d[\d.]*( ([KMGT]i)?B)?", "N", line)
    return re.sub(r"s\b", "", " ".join(line.split()))


def run(command):
    script = command.text
    for part, answers in ANSWERS.items():
        if part in script:
            terminal = os.path.join(os.path.dirname(os.path.abspath(__file__)), "terminal.py")
            argv = [sys.executable, terminal, "set -o pipefail; " + script, *answers]
            break
    else:
        argv = ["bash", "-o", "pipefail", "-c", script]
    directory = os.path.expanduser("~/hexz") if script.startswith(REPOSITORY) else None
    return subprocess.run(argv, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def fault(command, done):
    code = next((c for begin, c in CODES.items() if command.text.startswith(begin)), 0)
    if done.returncode != code:
        return f"exit code {done.returncode} instead of {code}"
    printed = done.stdout.decode(errors="replace").splitlines()
    if command.want is not None and set(map(shape, printed)) != set(map(shape, command.want)):
        missing = sorted(set(map(shape, command.want)) - set(map(shape, printed)))
        more = sorted(set(map(shape, printed)) - set(map(shape, command.want)))
        return f"prints other lines.\nOnly in the document: {missing}\nOnly printed: {more}"


path, count = sys.argv[1], 0
for command in commands(open(path).read().splitlines()):
    name = f"{path}:{command.line}: {command.text}"
    bare = command.text.partition("#")[0].strip()
    if bare in SKIPPED:
        print(f"{name}: not run: {SKIPPED[bare]}")
        continue
    began = time.monotonic()
    done = run(command)
    if what := fault(command, done):
        sys.exit(f"{name}\n{done.stdout.decode(errors='replace')}\n{what}")
    count += 1
    print(f"{name}: {time.monotonic() - began:.1f} s")
print(f"{count} commands")
