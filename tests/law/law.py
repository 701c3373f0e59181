#!/usr/bin/env python3
"""law.py - the rules of the house as tests: layering, purity, bans, sizes, the registry.

Called by tests/run law BUILD (a Release build: no sanitizer adds symbols there). Prints one line a law.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1])
GATEWAY = ROOT / "gateway"
SEES = {
    "base": set(),
    "alarm": {"base"},
    "wire": {"base"},
    "adapters": {"base", "alarm", "wire"},
    "core": {"base", "alarm"},
    "evaluation": {"base", "alarm"},
    "conf": {"base", "alarm", "wire", "adapters", "core"},
    "io": {"base"},
}
THOUGHT = ["base", "alarm", "wire", "adapters", "core", "evaluation"]
# What the compiler or a pure function of libc may leave behind. Nothing here reads a clock, allocates,
# or touches the world.
LIBC = set(
    "memcpy memmove memset memcmp memchr memrchr strlen strnlen strcmp strncmp strchr strrchr strstr qsort bsearch"
    " __memcpy_chk __memmove_chk __memset_chk __stack_chk_fail _GLOBAL_OFFSET_TABLE_ strspn strcspn"
    " fabs floor ceil sqrt round llround lround pow log exp abs __assert_fail".split())
# Libraries that single files may call, with the reason.
LIBRARIES = {
    ("base", "crypt.c"): r"AES_|crypto_|sodium_",          # ciphers and signatures, on the caller's buffers
    ("alarm", "pb.c"): r"protobuf_c_|samlarm__v1__",       # the wire form of records
    ("alarm", "json.c"): r"json_|protobuf_c_|hashtable_",  # jansson parses inside the call
    ("alarm", "alarm.c"): r"crypto_generichash",           # stable ids
    # expat, with the caller's memory; its allocator has no context, so the arena of the one call that
    # runs in this thread is named by a thread-local
    ("wire", "xml.c"): r"XML_|__tls_get_addr",
    ("wire", "scaip.c"): r"XML_",
    ("wire", "espax.c"): r"XML_",
    ("wire", "json_paths.c"): r"json_",                    # jansson parses inside the call
    ("wire", "device.c"): r"protobuf_c_|samlarm__v1__device_|samlarm__v1__envelope_",  # arena of the call
    ("wire", "lora_uplink.c"): r"json_",                   # jansson parses inside the call
    ("core", "*.c"): r"crypto_(generichash|shorthash)",
    ("evaluation", "*.c"): r"crypto_|sodium_|json_",
}
LIMIT_FILE_LINES = 600
LIMIT_FUNCTION_LINES = 80
BANNED = r"\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok|alloca|rand|srand)\s*\("

passed, failed = 0, 0


def law(sentence, breaches):
    global passed, failed
    breaches = sorted(set(breaches))
    if breaches:
        failed += 1
        print(f"not ok - {sentence}")
        for breach in breaches[:20]:
            print(f"    {breach}")
    else:
        passed += 1
        print(f"ok - {sentence}")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def sources(folder, *endings):
    return [p for p in sorted(folder.rglob("*")) if p.suffix in endings]


def relative(path):
    return str(path.relative_to(ROOT))


def layering():
    breaches = []
    for layer, below in SEES.items():
        for path in sources(GATEWAY / layer, ".c", ".h"):
            for header in re.findall(r'#include "([a-z_]+)/', path.read_text()):
                if header in SEES and header != layer and header not in below:
                    breaches.append(f"{relative(path)} includes {header}/")
    law("dependencies run downwards only", breaches)


def wall():
    """The include window of a layer does not hold what lies above it: a forbidden include cannot compile."""
    breaches = []
    for layer, below in SEES.items():
        windows = [f"-I{BUILD}/window/{name}" for name in below | {layer}]
        for other in set(SEES) - below - {layer}:
            header = next(iter(sources(GATEWAY / other, ".h")), None)
            if header is None:
                continue
            text = f'#include "{other}/{header.name}"\n'
            done = subprocess.run(["cc", "-E", "-x", "c", *windows, "-"], input=text, text=True,
                                  capture_output=True)
            if done.returncode == 0:
                breaches.append(f"{layer} can include {other}/{header.name}")
    law("a forbidden include does not compile", breaches)


def symbols(archive):
    """{object: (defined, undefined)} of a static library."""
    objects, name = {}, None
    for line in run("nm", "-A", "--no-sort", str(archive)).splitlines():
        place, _, rest = line.rpartition(": ") if ": " in line else line.rpartition(":")
        match = re.match(r".*?:([^:]+\.o):\s*(?:[0-9a-f]+)?\s*([A-Za-z])\s+(\S+)", line)
        if not match:
            continue
        name, kind, symbol = match.groups()
        defined, undefined = objects.setdefault(name, (set(), set()))
        (undefined if kind == "U" else defined).add(symbol)
    return objects


def purity():
    tables = {layer: symbols(BUILD / f"lib{layer}.a") for layer in THOUGHT}
    breaches = []
    for layer in THOUGHT:
        known = set(LIBC)
        for name in SEES[layer] | {layer}:
            for defined, _ in tables[name].values():
                known |= defined
        for obj, (_, undefined) in tables[layer].items():
            file = obj.removesuffix(".o")
            allowed = "|".join(pattern for (where, what), pattern in LIBRARIES.items()
                               if where == layer and pathlib.PurePath(file).match(what))
            for symbol in undefined - known:
                if not (allowed and re.match(allowed, symbol)):
                    breaches.append(f"{layer}/{file} calls {symbol}")
    law("thought calls nothing that allocates, waits, reads a clock or touches the world", breaches)


def no_hidden_state():
    """No writable data in thought: every object's data and bss hold nothing of ours."""
    breaches = []
    for layer in THOUGHT:
        obj = ""
        for line in run("nm", "--format=sysv", str(BUILD / f"lib{layer}.a")).splitlines():
            match = re.match(r"Symbols from \S+\[(\S+)\]:", line)
            obj = match.group(1) if match else obj
            fields = [field.strip() for field in line.split("|")]
            # .data.rel.ro is constant once the program is loaded
            if len(fields) == 7 and fields[6] in (".data", ".bss", "*COM*") and fields[3] == "OBJECT":
                breaches.append(f"{layer}/{obj} keeps {fields[0]}")
    law("thought keeps no hidden state", breaches)


def wings():
    """Only the doors, main and cli see both wings."""
    breaches = []
    for folder in [ROOT / "firmware-stubs"]:
        for path in sources(folder, ".c", ".h"):
            for header in re.findall(r'#include "([a-z_]+)/', path.read_text()):
                if header in {"adapters", "core", "conf", "evaluation", "alarm"}:
                    breaches.append(f"{relative(path)} shares our opinion: {header}/")
    law("simulated devices share the grammar and not our opinion", breaches)


def bans():
    breaches, long_files = [], []
    for folder in ["gateway", "firmware-stubs", "tests"]:
        for path in sources(ROOT / folder, ".c", ".h"):
            text = path.read_text()
            is_test = folder == "tests"
            if not is_test and re.search(BANNED, re.sub(r'"(\\.|[^"\\])*"|/\*.*?\*/', "", text, flags=re.S)):
                breaches.append(relative(path))
            lines = text.count("\n")
            if lines > LIMIT_FILE_LINES and not is_test:
                long_files.append(f"{relative(path)}: {lines} lines")
    law("no unsafe call", breaches)
    law(f"no file is longer than {LIMIT_FILE_LINES} lines", long_files)


def function_sizes():
    breaches = []
    for path in sources(GATEWAY, ".c") + sources(ROOT / "firmware-stubs", ".c"):
        begin, name = None, ""
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line == "{":
                begin = number
            elif line == "}" and begin is not None:
                if number - begin > LIMIT_FUNCTION_LINES:
                    breaches.append(f"{relative(path)}:{begin} {number - begin} lines ({name})")
                begin = None
            elif line and not line[0].isspace():
                name = line
    law(f"no function is longer than {LIMIT_FUNCTION_LINES} lines", breaches)


def openings():
    breaches = [relative(p) for p in sources(GATEWAY, ".c", ".h") + sources(ROOT / "firmware-stubs", ".c", ".h")
                if not p.read_text().startswith("/*")]
    law("every file opens with what it is", breaches)


def registry():
    breaches = []
    names = re.findall(r"^ADAPTER\((\w+)\)", (GATEWAY / "adapters/adapters.def").read_text(), re.M)
    if names != sorted(names):
        breaches.append("adapters.def is not in alphabetical order")
    for name in names:
        source = GATEWAY / "adapters" / f"{name}.c"
        cases = list((ROOT / "tests/fixtures" / name).glob("*.case"))
        if not source.exists():
            breaches.append(f"{name}: no gateway/adapters/{name}.c")
        if len(cases) < 3:
            breaches.append(f"{name}: fewer than three recorded conversations")
    law("every dialect has one file, one registry line and its recorded conversations", breaches)


def microcontroller():
    allowed = {"memcmp", "memcpy", "memset", "strlen", "strncpy"}
    breaches = [f"it calls {symbol}" for _, undefined in symbols(BUILD / "libreference.a").values()
                for symbol in undefined if symbol.strip("_").removesuffix("_chk") not in allowed
                and not symbol.startswith(("__stack_chk", "_GLOBAL"))]
    law("the reference sender needs no heap and no library", breaches)


def formatting():
    files = [p for f in ["gateway", "firmware-stubs", "tests"] for p in sources(ROOT / f, ".c", ".h")]
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, files)],
                          capture_output=True, text=True, cwd=ROOT)
    breaches = [str(pathlib.Path(line.split(":")[0]).resolve().relative_to(ROOT))
                for line in done.stderr.splitlines() if "error:" in line]
    law("the formatter would change nothing", breaches)


for test in [layering, wall, purity, no_hidden_state, wings, bans, function_sizes, openings, registry, microcontroller,
             formatting]:
    test()
print(f"law: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
