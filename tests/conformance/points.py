"""The table of points: a number, what is asked, and a function that raises when it is not so."""

TABLE = []


class Point:
    def __init__(self, group, title, check, start):
        self.group, self.title, self.check, self.start = group, title, check, start
        self.number = 0


def point(title, start=True):
    """start: the server is initialized before the check is called."""
    def add(check):
        entry = Point(check.__module__, title, check, start)
        TABLE.append(entry)
        entry.number = len(TABLE)
        return check
    return add
