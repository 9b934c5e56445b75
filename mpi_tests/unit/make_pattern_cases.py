#!/usr/bin/env python3
"""Write pattern_cases.txt: patterns, paths, and whether the one takes the other.

The judge is Python's own fnmatch, with the rules that huggingface_hub puts around it: a
backslash counts as '/', a pattern that ends in '/' gets '*', and "" matches nothing.
Each line is `0|1 <tab> pattern <tab> path`, both in percent-encoding.

usage: make_pattern_cases.py > pattern_cases.txt
"""

import fnmatch
import random
import warnings
from urllib.parse import quote

RANDOM_CASES = 900
SEED = 20240917
LETTERS = "ab!-]/c[^\u00fc\u4e2d\U0001f600.\\"
MEMBERS = "aabbcc!-]^[/\u00fcz"

# What people write, and what the rules say about it in words.
BY_HAND = [
    ("*.json", "config.json"),
    ("*.json", "a/b/c.json"),
    ("*.json", "config.jsonl"),
    ("data", "data/x"),
    ("data/", "data/x"),
    ("data\\", "data/x"),
    ("data/*", "data/x/y"),
    ("**/*.json", "root.json"),
    ("**/*.json", "a/root.json"),
    ("*.JSON", "a.json"),
    ("model-?????-of-*.safetensors", "model-00001-of-00003.safetensors"),
    ("model-[0-9]*.bin", "model-1.bin"),
    ("[!a-c]x", "dx"),
    ("[!a-c]x", "bx"),
    ("[^a]", "^"),
    ("[^a]", "b"),
    ("[]a]", "]"),
    ("[!]a]", "]"),
    ("[!]a]", "b"),
    ("[abc", "[abc"),
    ("[abc", "a"),
    ("[", "["),
    ("[!", "[!"),
    ("[]", "[]"),
    ("[!]", "[!]"),
    ("[*]", "*"),
    ("[*]", "x"),
    ("[a-]", "-"),
    ("[-a]", "-"),
    ("[a-b-c]", "-"),
    ("[z-a]", "m"),
    ("[!z-a]", "m"),
    ("[b-ac]", "c"),
    ("[b-ac]", "b"),
    ("[z-a!b]", "b"),
    ("[z-a!b]", "x"),
    ("[z-a!-b]", "-"),
    ("[z-a!-b]", "x"),
    ("[z-a!]", "x"),
    ("[--a]", "0"),
    ("[+--]", ","),
    ("[[a]", "["),
    ("[[:alpha:]]", "a]"),
    ("[[:alpha:]]", "z]"),
    ("[&&a]", "&"),
    ("[~~]", "~"),
    ("[||]", "|"),
    ("[a\\]", "/"),
    ("[a/", "[a/b"),
    ("?", "\u00fc"),
    ("??", "\u00fc"),
    ("?", "\U0001f600"),
    ("[\u00e0-\u00ff]", "\u00fc"),
    ("[\u0400-\u04ff]*", "\u0436/x"),
    (".*", ".gitattributes"),
    ("*", ".gitattributes"),
    ("a\\b", "a/b"),
    ("a/b", "a\\b"),
    ("*", "line\nbreak"),
    ("a?b", "a\nb"),
    ("", "a"),
    ("a", "a\n"),
    ("a.b", "axb"),
    ("a+", "aa"),
    ("(a|b)", "a"),
    ("$", "$"),
    ("^a", "a"),
    ("a*b*c", "abbc"),
    ("a*b*c", "abcb"),
    ("*a*a*a*", "aa"),
    ("*/", "/"),
    ("**", "x"),
    ("*?*", "x"),
    ("\\\\", "//"),
    ("/", "/a"),
    ("*[!/]", "a/"),
]


def keeps(pattern, path):
    if pattern == "":
        return False
    pattern = pattern.replace("\\", "/")
    if pattern.endswith("/"):
        pattern += "*"
    return fnmatch.fnmatchcase(path.replace("\\", "/"), pattern)


def element(rng):
    """One piece of a pattern, and a piece of a path that it may well take."""
    kind = rng.choice(["letter", "letter", "one", "any", "class", "class", "rest"])
    some = "".join(rng.choices(LETTERS, k=rng.randint(0, 3)))
    if kind == "letter":
        letter = rng.choice(LETTERS)
        return letter, letter
    if kind == "one":
        return "?", rng.choice(LETTERS)
    if kind == "any":
        return "*", some
    if kind == "class":
        members = "".join(rng.choices(MEMBERS, k=rng.randint(1, 6)))
        return f"[{members}]", rng.choice(members + LETTERS)
    return rng.choice(["[", "[!", "\\", "/"]), rng.choice(["[", "[!", "/"])


def random_cases(rng):
    for _ in range(RANDOM_CASES):
        elements = [element(rng) for _ in range(rng.randint(1, 5))]
        path = "".join(piece for _, piece in elements)
        if rng.random() < 0.2:
            path += rng.choice(LETTERS)
        yield "".join(piece for piece, _ in elements), path


def main():
    warnings.simplefilter("ignore", FutureWarning)  # of "[[" in a class
    for pattern, path in BY_HAND + list(random_cases(random.Random(SEED))):
        row = int(keeps(pattern, path)), quote(pattern, safe=""), quote(path, safe="")
        print(*row, sep="\t")


if __name__ == "__main__":
    main()
