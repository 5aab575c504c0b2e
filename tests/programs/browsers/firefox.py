"""Drives a headless Firefox through the Marionette protocol.

    firefox.py PROFILE PIN-FILE PIN-COUNT URL SCREENSHOT [URL SCREENSHOT]...

Opens each URL, types the PIN where Firefox asks for that of a security device, prints the text of
the page and keeps a picture of it. It fails unless the PIN was asked for PIN-COUNT times.
"""

import base64
import json
import pathlib
import socket
import subprocess
import sys
import time

PATIENCE = 60  # seconds for one step


class Marionette:
    """The protocol: `LENGTH:[kind, id, ...]` in JSON, both ways."""

    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.stream = self.connection.makefile("rb")
        self.count = 0
        self.receive()

    def receive(self):
        length = b""
        while (character := self.stream.read(1)) != b":":
            if not character:
                raise EOFError("Firefox closed the connection")
            length += character
        return json.loads(self.stream.read(int(length)))

    def command(self, name, **parameters):
        self.count += 1
        message = json.dumps([0, self.count, name, parameters]).encode()
        self.connection.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self.receive()
        if error:
            raise RuntimeError(f"{name}: {error['error']}: {error['message']}")
        return result


def until(what, holds):
    end = time.monotonic() + PATIENCE
    while not (value := holds()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.1)
    return value


def start(profile):
    firefox = subprocess.Popen(
        # System access: the question for a PIN is not part of a page.
        ["firefox-esr", "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return firefox, pathlib.Path(profile, "MarionetteActivePort")


TYPE_PIN = """
    const [pin] = arguments;
    window.questions = [];
    Services.obs.addObserver((dialog) => {
        window.questions.push(dialog.document.getElementById("infoBody").textContent);
        dialog.document.getElementById("password1Textbox").value = pin;
        dialog.setTimeout(() => dialog.document.querySelector("dialog").acceptDialog(), 0);
    }, "common-dialog-loaded");
"""


def visit(browser, url):
    """Opens the URL; the text of its page. WebDriver:Navigate does not wait for an answered question."""
    browser.command("WebDriver:Navigate", url=url)
    script = "return document.URL === arguments[0] && document.readyState === 'complete' && document.body.innerText"
    return until(
        f"{url} did not load",
        lambda: browser.command("WebDriver:ExecuteScript", script=script, args=[url])["value"],
    )


def main(profile, pin_file, pins, *pages):
    firefox, port = start(profile)
    try:
        until("Firefox did not start", lambda: port.exists() and port.read_text())
        browser = Marionette(int(port.read_text()))
        browser.command("WebDriver:NewSession", capabilities={"alwaysMatch": {"unhandledPromptBehavior": "ignore"}})
        browser.command("Marionette:SetContext", value="chrome")
        browser.command("WebDriver:ExecuteScript", script=TYPE_PIN, args=[pathlib.Path(pin_file).read_text()])
        for url, picture in zip(pages[::2], pages[1::2]):
            browser.command("Marionette:SetContext", value="content")
            print(visit(browser, url))
            shot = browser.command("WebDriver:TakeScreenshot", full=False)["value"]
            pathlib.Path(picture).write_bytes(base64.b64decode(shot))
        browser.command("Marionette:SetContext", value="chrome")
        questions = browser.command("WebDriver:ExecuteScript", script="return window.questions", args=[])["value"]
    finally:
        firefox.terminate()
        firefox.wait(PATIENCE)
    print(*questions, sep="\n")
    if len(questions) != int(pins):
        raise SystemExit(f"Firefox asked {len(questions)} times, not {pins}")


if __name__ == "__main__":
    main(*sys.argv[1:])
