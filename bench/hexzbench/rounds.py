"""One round: every step of every tool, the tools in turn, so that noise hits all alike."""

import os
from filecmp import cmp
from pathlib import Path

from .corpus import warm
from .install import say
from .proc import Failed, run
from .tools import Hexz

PACK_A, PACK_DISK = "pack linux-a.tar", "pack disk-b.img"
SECOND, KNOWN, RESTORE = "second version", "known stream", "restore"
VERIFY = {"stored": "verify stored", "content": "verify content"}


class Round:
    """Steps are asked for by the names pack, second, known, restore and verify."""

    def __init__(self, number, tools, inputs, work, results, steps, slow_rounds):
        shift = (number - 1) % len(tools)  # nobody runs behind the same one each time
        self.tools = tools[shift:] + tools[:shift]
        self.number, self.inputs, self.results, self.steps = number, inputs, results, steps
        self.target = Path(work) / "restored"
        self.more = [t for t in self.tools if number <= slow_rounds or not t.slow]

    def run(self):
        a, b, disk = (self.inputs[n] for n in ("linux-a.tar", "linux-b.tar", "disk-b.img"))
        if "pack" in self.steps:
            self._each(PACK_DISK, self.more, lambda t: self._pack(PACK_DISK, t, disk), disk)
        # What the other steps need is packed even if packing is not asked for.
        tools = self.tools if "pack" in self.steps else self.more
        self._each(PACK_A, tools, lambda t: self._pack(PACK_A, t, a), a)
        self.more = [t for t in self.more if not self.results.error(PACK_A, t.name)]
        if "restore" in self.steps:
            self._each(RESTORE, self.more, lambda t: self._restore(t, a))
        if "verify" in self.steps:
            for level, step in VERIFY.items():
                able = [t for t in self.more if level in t.checks]
                self._each(step, able, lambda t: self._measure(step, t, t.verify(level)))
        if "known" in self.steps:
            self._each(KNOWN, self.more, lambda t: self._again(KNOWN, t, t.known(a), a), a)
        if "second" in self.steps:
            self._each(SECOND, self.more, lambda t: self._again(SECOND, t, t.second(b), b), b)

    def _each(self, step, tools, work, *files):
        say(f"round {self.number}: {step}")
        for tool in tools:
            if self.results.error(step, tool.name):
                continue
            warm(*files)
            try:
                work(tool)
            except (Failed, OSError) as e:
                say(f"{tool.name}: {e}")
                self.results.fail(step, tool.name, str(e))

    def _measure(self, step, tool, command, name=None, **values):
        os.sync()  # what others wrote is not written back in this one's time
        m = run(command)
        self.results.add(step, name or tool.name, self.number, m, **values)
        return m

    def _pack(self, step, tool, file):
        tool.fresh()
        before = tool.size() if tool.store().exists() else 0
        m = self._measure(step, tool, tool.pack(file))
        self.results.add(step, tool.name, self.number, m, bytes=tool.size() - before, input=os.path.getsize(file))

    def _again(self, step, tool, command, file):
        """Packs something on top of what was packed before."""
        if command:
            before = tool.size()
            m = self._measure(step, tool, command)
            self.results.add(step, tool.name, self.number, m, bytes=tool.size() - before, input=os.path.getsize(file))

    def _restore(self, tool, original):
        to_file = str(self.target)
        if self.number == 1:
            run(tool.restore(to_file))
            if not cmp(to_file, original, shallow=False):
                raise Failed("what was restored differs from what was packed")
            self.target.unlink()
        size = os.path.getsize(original)
        self._measure(RESTORE, tool, tool.restore(to_file if tool.writes_files else None), input=size)
        self.target.unlink(missing_ok=True)
        if type(tool) is Hexz:
            self._measure(RESTORE, tool, tool.restore_file(to_file), name="hexz -o FILE", input=size)
            self.target.unlink(missing_ok=True)
