#!/usr/bin/env python3
"""Test programs of a build of the whole workspace: the messages of cargo (--message-format=json) on
the standard input, packages as arguments; a line DIRECTORY, tab, PROGRAM for each test program of these.

cargo test of one package builds what several packages share once more, with fewer features."""

import json
import os
import sys

for line in sys.stdin:
    message = json.loads(line)
    if message.get("reason") != "compiler-artifact" or not message["profile"]["test"]:
        continue
    directory = os.path.dirname(message["manifest_path"])
    with open(message["manifest_path"]) as manifest:
        package = manifest.read().split('\nname = "', 1)[1].split('"', 1)[0]
    if package in sys.argv[1:] and message["executable"]:
        print(directory, message["executable"], sep="\t")
