#!/usr/bin/python3
"""Run the test suites against one build directory or several, and add it all up.

    tests/run.py [--only unit|daemon] [--limit SECONDS] BUILD_DIR... [-- PYTEST_ARGS]

For each build directory: the unit tests (all that meson lists in the suite
`unit`), then pytest over tests/integration, tests/systemd and tests/wscat with
TEST_CHATD set to the directory's daemon. Every suite writes JUnit files to
BUILD_DIR/test-results; they are what is counted. A unit test that dies without
a report, a report that can't be read, a suite that takes too long: each is a
failed test.

The last line is `N passed, N failed`, with `, N skipped` if there are any, over
everything. The exit status is 1 if something failed or nothing ran.

If the directory was configured with sanitizers, TEST_SANITIZE names them, and
leaks and undefined behaviour are failures.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
DAEMON_SUITES = ["tests/integration", "tests/systemd", "tests/wscat"]
LOG_LINES = 200  # of a failed test's output
SANITIZER_EXIT = 86  # what a sanitizer's report makes of the exit status

# Settings of the caller's that would reach the daemon: chatd refuses unknown
# CHATD_* variables, and the others would have it talk to the systemd around us.
FOREIGN = ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC",
           "WATCHDOG_PID", "JOURNAL_STREAM", "INVOCATION_ID", "PYTEST_ADDOPTS"]


@dataclasses.dataclass
class Result:
    build: str
    name: str
    outcome: str  # passed, failed, skipped
    text: str = ""  # why


def say(text=""):
    print(text, flush=True)


class Build:
    def __init__(self, path):
        self.path = path.resolve()
        self.name = path.name
        self.chatd = self.path / "src" / "chatd"
        self.results = self.path / "test-results"
        options = json.loads((self.path / "meson-info" / "intro-buildoptions.json").read_text())
        self.sanitize = next((o["value"] for o in options if o["name"] == "b_sanitize"), "none")

    def is_sanitized(self):
        return self.sanitize not in ("none", "")

    def unit_tests(self):
        tests = json.loads((self.path / "meson-info" / "intro-tests.json").read_text())
        return [t for t in tests if any(s.split(":")[-1] == "unit" for s in t["suite"])]

    def environment(self):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("CHATD_") and k not in FOREIGN}
        env["LC_ALL"] = "C.UTF-8"
        env["PYTHONDONTWRITEBYTECODE"] = "1"
        env["TEST_CHATD"] = str(self.chatd)
        if self.is_sanitized():
            env["TEST_SANITIZE"] = self.sanitize
            # The quarantine is small because tests look at the daemon's memory.
            env["ASAN_OPTIONS"] = ("detect_leaks=1:abort_on_error=0:handle_abort=1:"
                                   "quarantine_size_mb=4:allocator_release_to_os_interval_ms=100:"
                                   "detect_stack_use_after_return=1:strict_string_checks=1:"
                                   f"exitcode={SANITIZER_EXIT}")
            env["UBSAN_OPTIONS"] = ("halt_on_error=1:print_stacktrace=1:"
                                    f"exitcode={SANITIZER_EXIT}")
        else:
            env["MALLOC_PERTURB_"] = "165"  # fresh memory isn't zero, freed memory isn't kept
        return env


def stop_group(process, first=signal.SIGINT, grace=20):
    """End what we started, with all that it started: ask, then insist."""
    for sig, seconds in ((first, grace), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            break
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        if sig != signal.SIGKILL:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        break


def describe_exit(status):
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    if status == SANITIZER_EXIT:
        return "a sanitizer's report"
    return f"exit status {status}"


def read_junit(build, path, prefix=""):
    """The results in one JUnit file, one for each test; raises ParseError."""
    results = {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        where = [case.get("classname", ""), case.get("name", "?")]
        name = prefix + ".".join(part for part in where if part)
        outcome, text = "passed", ""
        for node in case:
            if node.tag in ("failure", "error"):
                outcome = "failed"
                text += (node.get("message") or node.text or "").strip() + "\n"
            elif node.tag == "skipped" and outcome == "passed":
                outcome, text = "skipped", node.get("message") or ""
        # pytest writes a second entry where the teardown fails, too.
        seen = results.get(name)
        if not seen or seen.outcome != "failed":
            results[name] = Result(build.name, name, outcome, text)
        elif outcome == "failed":
            seen.text += text
    return list(results.values())


def run_unit_test(build, test):
    name = test["name"]
    for old in build.results.glob(f"unit-{name}-*.xml"):
        old.unlink()
    env = build.environment()
    env.update(test["env"])
    env["CMOCKA_MESSAGE_OUTPUT"] = "XML"
    env["CMOCKA_XML_FILE"] = str(build.results / f"unit-{name}-%g.xml")
    seconds = test["timeout"] * (4 if build.is_sanitized() else 1)
    log = build.results / f"unit-{name}.log"
    started = time.monotonic()
    broken = None
    with open(log, "wb") as out:
        try:
            process = subprocess.Popen(test["cmd"], cwd=test["workdir"] or ROOT, env=env,
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       start_new_session=True)
        except OSError as error:
            return [Result(build.name, name, "failed", str(error))]
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            broken = f"still running after {seconds} seconds"
        stop_group(process, signal.SIGKILL)
    took = time.monotonic() - started

    results = []
    for path in sorted(build.results.glob(f"unit-{name}-*.xml")):
        try:
            results += read_junit(build, path, f"{name}: ")
        except ElementTree.ParseError as error:
            results.append(Result(build.name, f"{name}: {path.name}", "failed",
                                  f"{error}\n{path.read_text(errors='replace')}"))
    failed = any(r.outcome == "failed" for r in results)
    if not broken:
        if status != 0 and not failed:
            broken = describe_exit(status)
        elif not results:
            broken = "no report"
    output = log.read_text(errors="replace").strip()
    if broken:
        results.append(Result(build.name, f"{name}: the whole of it", "failed",
                              f"{broken}\n{output}"))
    elif failed and output:
        next(r for r in results if r.outcome == "failed").text += f"--- output ---\n{output}\n"
    bad = sum(r.outcome == "failed" for r in results)
    say(f"  {'FAILED' if bad else 'ok':6}  {name}  ({len(results)} tests, {took:.1f} s"
        + (f", {bad} failed" if bad else "") + ")")
    return results


def run_unit_tests(build):
    say(f"== {build.name}: unit tests")
    tests = build.unit_tests()
    if not tests:
        return [Result(build.name, "unit tests", "failed", "meson lists no test in suite `unit`")]
    return [r for test in tests for r in run_unit_test(build, test)]


def run_daemon_tests(build, limit, jobs, arguments):
    # pytest itself prints what has failed, with the daemon's log; what is kept of
    # it is a line or two.
    say(f"== {build.name}: the running daemon")
    suites = [s for s in DAEMON_SUITES if any((ROOT / s).glob("test_*.py"))]
    if not suites:
        return []
    if not os.access(build.chatd, os.X_OK):
        return [Result(build.name, "the running daemon", "failed", f"no {build.chatd}")]
    report = build.results / "daemon.xml"
    command = [sys.executable, "-m", "pytest", "-n", str(jobs), f"--junitxml={report}",
               "-q", "--tb=short", "-p", "no:cacheprovider",
               # One test's bound; it covers fixtures, too.
               "--timeout=120",
               f"--rootdir={ROOT}", *suites, *arguments]
    broken = None
    process = subprocess.Popen(command, cwd=ROOT, env=build.environment(),
                               stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        status = process.wait(limit)
        # 1 is failures, which the report names; 5 is that no test was chosen.
        if status not in (0, 1, 5):
            broken = f"pytest: {describe_exit(status)}"
    except subprocess.TimeoutExpired:
        broken = f"still running after {limit} seconds"
    # Also when all is well: what the tests left running goes with them.
    stop_group(process)

    results = []
    if report.exists():
        try:
            results = read_junit(build, report)
        except ElementTree.ParseError as error:
            broken = broken or f"{report.name}: {error}"
    elif not broken:
        broken = "no report"
    if not broken and status == 1 and not any(r.outcome == "failed" for r in results):
        broken = "pytest says that something failed, its report doesn't"
    if broken:
        results.append(Result(build.name, "the running daemon", "failed", broken))
    return results


def print_failures(results):
    failures = [r for r in results if r.outcome == "failed"]
    for result in failures:
        say()
        say(f"FAILED  {result.build}  {result.name}")
        lines = result.text.rstrip().splitlines()
        if len(lines) > LOG_LINES:
            half = LOG_LINES // 2
            lines[half:-half] = [f"... {len(lines) - LOG_LINES} lines ..."]
        for line in lines:
            say(f"    {line}")
    skipped = {}
    for result in results:
        if result.outcome == "skipped":
            skipped.setdefault((result.text, result.build), []).append(result.name)
    if skipped:
        say()
        for (why, build), names in skipped.items():
            say(f"skipped  {build}  {len(names)}: {why or 'no reason given'}")


def main():
    argv = sys.argv[1:]
    pytest_arguments = []
    if "--" in argv:
        cut = argv.index("--")
        argv, pytest_arguments = argv[:cut], argv[cut + 1:]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", nargs="+", type=pathlib.Path)
    parser.add_argument("--only", choices=["unit", "daemon"])
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--limit", type=int, default=360,
                        help="seconds that the daemon's tests may take on one build")
    options = parser.parse_args(argv)

    started = time.monotonic()
    results = []
    for path in options.build:
        try:
            build = Build(path)
        except (OSError, ValueError) as error:
            results.append(Result(path.name, "build", "failed", str(error)))
            continue
        shutil.rmtree(build.results, ignore_errors=True)
        build.results.mkdir(parents=True)
        if options.only != "daemon":
            results += run_unit_tests(build)
        if options.only != "unit":
            results += run_daemon_tests(build, options.limit, options.jobs, pytest_arguments)

    print_failures(results)
    count = {o: sum(r.outcome == o for r in results) for o in ("passed", "failed", "skipped")}
    if not count["passed"] and not count["failed"]:
        say("no test ran")
        count["failed"] = 1
    say()
    say(f"{time.monotonic() - started:.0f} seconds")
    say(f"{count['passed']} passed, {count['failed']} failed"
        + (f", {count['skipped']} skipped" if count["skipped"] else ""))
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
