"""Numbers by step, tool and round."""

from statistics import median


class Results:
    """rows[step][tool] is {"rounds": {number: values}, "error": message or None}.

    values has wall and cpu in seconds, rss as a list of bytes, one a stage, and what else a
    step has to say. A tool that failed in one round has no numbers in any.
    """

    def __init__(self):
        self.rows = {}

    def _row(self, step, tool):
        return self.rows.setdefault(step, {}).setdefault(tool, {"rounds": {}, "error": None})

    def add(self, step, tool, number, measure=None, **values):
        if measure:
            values = {"wall": measure.wall, "cpu": measure.cpu, "rss": measure.rss} | values
        self._row(step, tool)["rounds"][str(number)] = values

    def fail(self, step, tool, message):
        row = self._row(step, tool)
        row["error"] = row["error"] or message

    def shorten(self, prefix):
        """Takes the prefix of paths out of all messages."""
        for step in self.rows.values():
            for row in step.values():
                row["error"] = row["error"] and row["error"].replace(prefix, "")

    def tools(self, step):
        return list(self.rows.get(step, {}))

    def error(self, step, tool):
        return self.rows.get(step, {}).get(tool, {}).get("error")

    def rounds(self, step, tool):
        """Returns values by round; none if the tool failed or was not there."""
        row = self.rows.get(step, {}).get(tool)
        return row["rounds"] if row and not row["error"] else {}

    def values(self, step, tool, key):
        return [v[key] for v in self.rounds(step, tool).values() if key in v]

    def median(self, step, tool, key):
        """Returns None if there is no number."""
        found = self.values(step, tool, key)
        return median(found) if found else None

    def ratio(self, step, tool, key, base="hexz", base_step=None):
        """The median of the ratios of tool to base, each of one round. None if there is none."""
        mine, theirs = self.rounds(step, tool), self.rounds(base_step or step, base)
        found = [mine[n][key] / theirs[n][key] for n in mine
                 if n in theirs and key in mine[n] and theirs[n].get(key, 0) > 0]
        return median(found) if found else None
