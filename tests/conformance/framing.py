"""Bytes: headers, pieces, lengths, and bodies that are no messages."""
import json
import time

from document import Document, comment, functions
from points import point
from wire import Fail, frame


def initialize(server):
    return frame({"jsonrpc": "2.0", "id": 1, "method": "initialize",
                  "params": server.initialize_params()})


def expect_initialized(server):
    if "result" not in server.answer(1, 60):
        raise Fail("initialize was refused")


@point("a message in pieces of 37 bytes", start=False)
def pieces(server, language):
    data = initialize(server)
    for i in range(0, len(data), 37):
        server.write(data[i:i + 37])
    expect_initialized(server)


@point("a message byte by byte, with pauses", start=False)
def bytes_alone(server, language):
    data = initialize(server)
    for i in range(len(data)):
        server.write(data[i:i + 1])
        if i in (3, 17, 40):
            time.sleep(0.05)
    expect_initialized(server)


@point("several messages in one write")
def merged(server, language):
    text = functions(language, ["probe_a"])
    document = Document(server, language, text)
    ask = [frame({"jsonrpc": "2.0", "id": 100 + i, "method": "textDocument/documentSymbol",
                  "params": document.id}) for i in range(5)]
    server.write(b"".join(ask))
    for i in range(5):
        server.answer(100 + i)


@point("a frame's end and the next one's start in one write")
def straddling(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    both = b"".join(frame({"jsonrpc": "2.0", "id": 200 + i, "method": "textDocument/documentSymbol",
                           "params": document.id}) for i in range(2))
    half = len(both) // 2 + 11
    with server.writing:
        server.write(both[:half])
        time.sleep(0.1)
        server.write(both[half:])
    server.answer(200)
    server.answer(201)


@point("Content-Type before and behind Content-Length", start=False)
def content_type(server, language):
    body = initialize(server).split(b"\r\n\r\n", 1)[1]
    kind = b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n"
    length = b"Content-Length: %d\r\n" % len(body)
    server.write(kind + length + b"\r\n" + body)
    expect_initialized(server)
    body = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "shutdown"}).encode()
    server.write(b"Content-Length: %d\r\n" % len(body) + kind + b"\r\n" + body)
    server.answer(2)


@point("header names in small letters", start=False)
def small_letters(server, language):
    server.write(initialize(server).replace(b"Content-Length", b"content-length"))
    expect_initialized(server)


@point("a length counted in bytes, not in characters")
def length_in_bytes(server, language):
    text = comment(language, "\u00fc\u4e16\U0001F600" * 50) + "\n" + functions(language, ["probe_a"])
    document = Document(server, language, "")
    body = json.dumps({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
        "textDocument": {"uri": document.uri, "version": 2},
        "contentChanges": [{"text": text}]}}, ensure_ascii=False).encode()
    server.write(frame(body))
    document.expect(["probe_a"])


@point("malformed JSON is answered with -32700 and id null")
def malformed(server, language):
    server.write(frame(b'{"jsonrpc": "2.0", "id": 7, "method": '))
    found = server.wait(lambda m: "method" not in m and m.get("id", 0) is None, 5)
    if found is None:
        raise Fail("no answer")
    if found.get("error", {}).get("code") != -32700:
        raise Fail("answered %s" % found.get("error"))


@point("alive after malformed JSON")
def alive_after_malformed(server, language):
    server.write(frame(b"{nonsense"))
    server.alive()


@point("an empty body is malformed, and survived")
def empty_body(server, language):
    server.write(b"Content-Length: 0\r\n\r\n")
    server.alive()


@point("a body that is no object (3, \"x\", null) is answered with an error or ignored, and survived")
def no_object(server, language):
    for body in (b"3", b'"x"', b"null", b"true"):
        server.write(frame(body))
    server.alive()


@point("a batch is refused or answered, and survived")
def batch(server, language):
    server.write(frame([{"jsonrpc": "2.0", "id": 70, "method": "shutdownn"}]))
    server.alive()


@point("JSON nested 10,000 deep is survived")
def deep(server, language):
    body = b'{"jsonrpc":"2.0","id":71,"method":"x/y","params":' + b"[" * 10000 + b"]" * 10000 + b"}"
    server.write(frame(body))
    server.alive()


@point("bytes that are no UTF-8 are survived")
def no_utf8(server, language):
    server.write(frame(b'{"jsonrpc":"2.0","id":72,"method":"\xff\xfe\xc0"}'))
    server.alive()


@point("lone surrogates written as \\u escapes are survived")
def lone_surrogates(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    server.write(frame(b'{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":'
                       b'{"uri":"' + document.uri.encode() + b'","version":2},"contentChanges":'
                       b'[{"text":"\\ud800 x"}]}}'))
    server.alive(document.uri)


@point("an object without \"jsonrpc\" is survived")
def no_version(server, language):
    server.write(frame({"id": 73, "method": "textDocument/hover", "params": {}}))
    server.alive()


@point("input that ends in the middle of a frame ends the server")
def end_in_frame(server, language):
    with server.writing:
        server.write(b"Content-Length: 1000\r\n\r\n{\"jsonrpc\":")
        server.process.stdin.close()
    if server.exit_status() == 0:
        raise Fail("ended with status 0, as if all were well")


@point("input that ends without shutdown ends the server")
def end_of_input(server, language):
    server.process.stdin.close()
    server.exit_status()


@point("a length of 10^15 takes no memory", start=False)
def huge_length(server, language):
    server.write(b"Content-Length: 1000000000000000\r\n\r\n{")
    time.sleep(0.5)
    try:
        with open("/proc/%d/status" % server.process.pid) as status:
            kib = [int(line.split()[1]) for line in status if line.startswith("VmRSS")]
    except OSError:
        return  # it has ended, which is an answer
    if kib and kib[0] > 4 << 20:
        raise Fail("uses %d MiB" % (kib[0] >> 10))


@point("a length that is no number ends or is survived, without a busy loop", start=False)
def no_number(server, language):
    server.write(b"Content-Length: many\r\n\r\n")
    time.sleep(0.5)
    begin = cpu_seconds(server.process.pid)
    time.sleep(1)
    end = cpu_seconds(server.process.pid)
    if begin is not None and end is not None and end - begin > 0.8:
        raise Fail("busy")


def cpu_seconds(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100.0
    except (OSError, IndexError):
        return None
