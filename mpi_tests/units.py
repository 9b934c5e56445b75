"""Who uses whom in src/: a unit is x.c with x.h, and a circle of units is one noun in pieces.

Text is enough for that: the code has one style (clang-format), each function of a unit that
others may call is declared in a header, and no identifier of that kind has a second meaning
in a file that sees the header. A function that is named counts as used, whether it is called
or its address is taken."""

import re

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
DEFINITION = re.compile(
    r"^(?!static\b|typedef\b|struct \w+\s*\{|enum \w*\s*\{)[A-Za-z_][\w \t*]*?\b([a-z_]\w*)\s*"
    r"\(([^;{}]*)\)\s*\{",
    re.MULTILINE,
)
WORD = re.compile(r"\b[a-z_]\w*\b")


def unit_of(file):
    return re.sub(r"^src/|\.[ch]$", "", file)


def closure(graph):
    """What each name reaches, itself included."""
    reached = {}
    for start in graph:
        seen, todo = set(), [start]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(graph.get(name, ()))
        reached[start] = seen
    return reached


def circles(graph):
    """The groups of names that all reach each other, each sorted, smallest first."""
    reached = closure(graph)
    groups = {
        tuple(sorted(b for b in reached[a] if a in reached.get(b, ()))) for a in graph
    }
    return sorted(g for g in groups if len(g) > 1)


def includes(texts):
    """File -> own headers that it names. texts: file -> text with its strings."""
    return {
        file: {"src/" + name for name in INCLUDE.findall(text)} & set(texts)
        for file, text in texts.items()
    }


def uses(texts, seen):
    """Unit -> unit -> functions, those that a header which the file sees declares. texts: file -> text without strings; seen: file -> headers
    that it sees, directly or not. A header only declares."""
    owner = {}
    for file, text in texts.items():
        if file.endswith(".c"):
            for match in DEFINITION.finditer(text):
                owner.setdefault(match[1], unit_of(file))
    words = {file: set(WORD.findall(text)) for file, text in texts.items()}
    graph = {unit_of(file): {} for file in texts}
    for file in (file for file in texts if file.endswith(".c")):
        declared = set().union(*(words[header] for header in seen[file] if header[-1] == "h"))
        for word in words[file] & declared:
            other = owner.get(word)
            if other and other != unit_of(file):
                graph[unit_of(file)].setdefault(other, set()).add(word)
    return graph
