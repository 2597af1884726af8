"""Other tools that find duplicates."""

import json
import os
import shutil

from .proc import Command, output
from .tools import Tool


class Casync(Tool):
    name = "casync"
    what = "make, blob index and store"
    dedup = slow = True
    checks = ()  # it has no command for that
    writes_files = True
    program = "casync"

    def make(self, index, file):
        return Command([[self.program, "make", f"--store={self.store() / 'chunks.castr'}",
                         str(self.store() / index), str(file)]])

    def fresh(self):
        super().fresh()
        self.store().mkdir()

    def pack(self, file):
        return self.make("first.caibx", file)

    def known(self, file):
        return self.make("again.caibx", file)

    def second(self, file):
        return self.make("second.caibx", file)

    def restore(self, target=None):
        return Command([[self.program, "extract", f"--store={self.store() / 'chunks.castr'}",
                         str(self.store() / "first.caibx"), target]])


class Desync(Casync):
    name = "desync"
    what = "make, index and store"
    checks = ("content",)

    def make(self, index, file):
        return Command([[self.peers.programs["desync"], "make", "-s", str(self.chunks()),
                         str(self.store() / index), str(file)]])

    def chunks(self):
        return self.store() / "chunks.castr"

    def fresh(self):
        super().fresh()
        self.chunks().mkdir()

    def restore(self, target=None):
        return Command([[self.peers.programs["desync"], "extract", "-s", str(self.chunks()),
                         str(self.store() / "first.caibx"), target]])

    def verify(self, level):
        return Command([[self.peers.programs["desync"], "verify", "-s", str(self.chunks())]])


class Restic(Tool):
    name = "restic"
    what = "backup --stdin, encrypted, zstd"
    dedup = slow = True

    def argv(self, *args):
        return ["restic", "-q", "--repo", str(self.store()), "--cache-dir", str(self.dir / "cache"), *args]

    env = {"RESTIC_PASSWORD": "bench"}

    def fresh(self):
        """Copies one empty repository: making one takes two seconds, to make guessing slow."""
        super().fresh()
        empty = self.dir.with_name("restic-empty")
        if not empty.exists():
            output(self.argv("init"), env=os.environ | self.env)
            shutil.copytree(self.store(), empty)
        else:
            shutil.copytree(empty, self.store())

    def backup(self, name, file):
        return Command([self.argv("backup", "--stdin", "--stdin-filename", name)], stdin=str(file), env=self.env)

    def pack(self, file):
        return self.backup("first", file)

    def known(self, file):
        return self.backup("again", file)

    def second(self, file):
        return self.backup("second", file)

    def restore(self, target=None):
        return Command([self.argv("dump", "--path", "/first", "latest", "first")], stdout=target, env=self.env)

    def verify(self, level):
        return Command([self.argv("check", "--read-data")], env=self.env)


class Borg(Tool):
    name = "borg"
    what = "create from stdin, lz4, no encryption"
    dedup = slow = True

    def argv(self, command, name, *args):
        return ["borg", command, *args, str(self.store()) + name]

    @property
    def env(self):
        return {"BORG_BASE_DIR": str(self.dir / "base"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}

    def fresh(self):
        super().fresh()
        output(self.argv("init", "", "-e", "none"), env=os.environ | self.env)

    def create(self, name, file):
        return Command([[*self.argv("create", "::" + name, "-C", "lz4"), "-"]], stdin=str(file), env=self.env)

    def pack(self, file):
        return self.create("first", file)

    def known(self, file):
        return self.create("again", file)

    def second(self, file):
        return self.create("second", file)

    def restore(self, target=None):
        return Command([self.argv("extract", "::first", "--stdout")], stdout=target, env=self.env)

    def verify(self, level):
        return Command([self.argv("check", "", "--verify-data")], env=self.env)


class Kopia(Tool):
    name = "kopia"
    what = "snapshot from stdin, encrypted, s2"
    dedup = slow = True

    def argv(self, *args):
        return [self.peers.programs["kopia"], "--no-progress", *args]

    @property
    def env(self):
        return {"KOPIA_PASSWORD": "bench", "KOPIA_CHECK_FOR_UPDATES": "false",
                "KOPIA_CONFIG_PATH": str(self.dir / "config"), "KOPIA_LOG_DIR": str(self.dir / "log"),
                "KOPIA_CACHE_DIRECTORY": str(self.dir / "cache")}

    def fresh(self):
        super().fresh()
        self.store().mkdir()
        env = os.environ | self.env
        output(self.argv("repository", "create", "filesystem", "--path", str(self.store())), env=env)
        output(self.argv("policy", "set", "--global", "--compression=s2-default"), env=env)

    def create(self, name, file):
        return Command([self.argv("snapshot", "create", "--stdin-file", "content", f"/bench/{name}")],
                       stdin=str(file), env=self.env)

    def pack(self, file):
        return self.create("first", file)

    def known(self, file):
        return self.create("again", file)

    def second(self, file):
        return self.create("second", file)

    def restore(self, target=None):
        listed = output(self.argv("snapshot", "list", "--json", "/bench/first"), env=os.environ | self.env)
        root = json.loads(listed)[-1]["rootEntry"]["obj"]
        return Command([self.argv("show", f"{root}/content")], stdout=target, env=self.env)

    def verify(self, level):
        return Command([self.argv("snapshot", "verify", "--verify-files-percent=100")], env=self.env)
