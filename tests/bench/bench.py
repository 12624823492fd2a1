#!/usr/bin/python3
"""Measure chatd beside other servers that speak the same protocol.

Every shape of load is put on every server in turn, and the whole is repeated; the table has the
medians. The server has one core for itself and the load generator another. What counts is the
ratio of two figures of one run: the figures themselves belong to the machine.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import bench_docs
import bench_servers
import bench_shapes

ROOT = bench_servers.HERE.parent.parent
DISTURBED = 0.15  # of a core, used by programs that are neither server nor generator
CURVE_SECONDS = 2
PEACE_SECONDS = 20  # the longest wait for the others to be done
KEYS = (
    "deliveries_per_s",
    "messages_per_s",
    "cpu_s_per_million",
    "server_share",
    "others_share",
    "generator_share",
    "connection_bytes",
    "kernel_bytes_both_ends",
    "connect_first_us",
    "connect_last_us",
    "pss_start_kib",
    "pss_end_kib",
    "peak_kib",
)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--build",
        type=pathlib.Path,
        default=ROOT / "build",
        help="the build folder (default: build)",
    )
    parser.add_argument(
        "--chatd", type=pathlib.Path, help="the daemon (default: src/chatd in the build folder)"
    )
    parser.add_argument(
        "--chatd-set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="a further setting for chatd; repeatable",
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often everything is repeated (3)"
    )
    parser.add_argument("--seconds", type=float, default=3, help="measured time of one run (3)")
    parser.add_argument(
        "--tries",
        type=int,
        default=3,
        help="how often a run may be repeated when other programs disturb it (3)",
    )
    parser.add_argument("--quick", action="store_true", help="only the first shape")
    parser.add_argument("--shapes", help="only these, by comma: " + ", ".join(bench_shapes.SHAPES))
    parser.add_argument(
        "--servers", help="only these, by comma: " + ", ".join(bench_servers.TITLES)
    )
    parser.add_argument(
        "--curves",
        action="store_true",
        help="the curves of the plots, too (--write-docs does that)",
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        help="where the JSON result goes (default: bench.json in the build folder)",
    )
    parser.add_argument(
        "--write-docs",
        type=pathlib.Path,
        metavar="DIR",
        help="write performance.md and its plots there",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=pathlib.Path,
        metavar="FILE",
        help="measure nothing; take an earlier JSON result",
    )
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 unless chatd holds its goals"
    )
    return parser.parse_args()


def cores():
    """One for the server, another for the generator."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        print("bench: only one core; the generator takes its share of it", file=sys.stderr)
        return None, None
    return allowed[0], allowed[1]


def measure(command, tool, words, where):
    """One run: a fresh server, one load. Return chat-bench's object, or None and say why."""
    server_core, tool_core = where
    try:
        with bench_servers.Server(command, server_core) as server:
            line = [
                str(tool),
                "--json",
                "--pid",
                str(server.process.pid),
                *words,
                f"ws://127.0.0.1:{server.port}/bench",
            ]
            done = subprocess.run(
                line,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                timeout=300,
                check=False,
                preexec_fn=bench_servers.pin(tool_core),
            )
            if done.returncode == 2 or not done.stdout:
                print(f"  could not run: {done.stderr.strip() or done.returncode}", file=sys.stderr)
                return None
            return json.loads(done.stdout)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"  could not run: {error}", file=sys.stderr)
        return None


def busy_seconds():
    """What all programs have used of the machine's processors since it started."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    user, nice, system, _, _, irq, softirq = map(int, fields)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def wait_for_peace():
    """Wait for a second without others, but not for ever."""
    for _ in range(PEACE_SECONDS):
        before = busy_seconds()
        time.sleep(1)
        if busy_seconds() - before <= DISTURBED:
            return


def measure_in_peace(command, tool, words, where, tries):
    """Take the least disturbed of a few runs; the first that is undisturbed will do."""
    best = None
    for left in range(tries, 0, -1):
        run = measure(command, tool, words, where)
        if run is None:
            break
        if best is None or (run["others_share"] or 0) < (best["others_share"] or 0):
            best = run
        if (run["others_share"] or 0) <= DISTURBED:
            break
        if left > 1:
            print("  disturbed by other programs; once more", file=sys.stderr)
            wait_for_peace()
    return best


def flatten(run):
    row = {key: run.get(key) for key in KEYS}
    for name, source in (("", "latency_ms"), ("pair_", "pair_latency_ms")):
        for key in ("p50", "p99", "p999"):
            row[f"{name}{key}_ms"] = (run.get(source) or {}).get(key)
    row["incomplete"] = 0 if run["complete"] else 1
    for key in (
        "missing",
        "extra",
        "lost_connections",
        "unexpected",
        "join_failures",
        "frozen_complete",
        "frozen_short",
        "frozen_closed",
    ):
        row[key] = run[key]
    return row


def medians(runs):
    rows = [flatten(run) for run in runs]
    result = {}
    for key in rows[0]:
        values = [row[key] for row in rows if row[key] is not None]
        result[key] = statistics.median(values) if values else None
    for key in ("incomplete", "missing", "extra", "lost_connections", "unexpected", "frozen_short"):
        result[key] = sum(row[key] for row in rows)  # a median would hide the one that went wrong
    result["runs"] = len(rows)
    return result


def spell(value, digits=3):
    if value is None:
        return "-"
    if abs(value) >= 1e5:
        return f"{value / 1e6:.2f} M"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def print_shape(name, rows):
    print(f"\n{bench_shapes.SHAPES[name][0]}  ({name})")
    base = "chatd" if "chatd" in rows else next(iter(rows))
    if name == "idle":
        print(
            f"  {'':24}{'bytes each':>12}{'us/connect':>12}{'last 1000':>12}{'% idle':>10}{base + '/it':>12}"
        )
    elif name.startswith("mix"):
        print(
            f"  {'':24}{'deliveries/s':>14}{'pairs p50 ms':>14}{'p99 ms':>10}{'p99.9 ms':>10}{base + '/it':>12}"
        )
    else:
        print(
            f"  {'':24}{'deliveries/s':>14}{'CPU s/M':>10}{'p50 ms':>10}{'p99 ms':>10}{'gen. %':>8}{'others':>8}"
            f"{base + '/it':>12}{'CPU':>8}"
        )
    for server, row in rows.items():
        title = bench_servers.TITLES[server]
        wrong = "  INCOMPLETE" if row["incomplete"] else ""

        def over(key):
            return spell(bench_shapes.ratio({name: rows}, name, key, server, by=base))

        if name == "idle":
            print(
                f"  {title:24}{spell(row['connection_bytes']):>12}{spell(row['connect_first_us']):>12}"
                f"{spell(row['connect_last_us']):>12}{spell((row['server_share'] or 0) * 100):>10}"
                f"{over('connection_bytes'):>12}{wrong}"
            )
        elif name.startswith("mix"):
            print(
                f"  {title:24}{spell(row['deliveries_per_s']):>14}{spell(row['pair_p50_ms']):>14}"
                f"{spell(row['pair_p99_ms']):>10}{spell(row['pair_p999_ms']):>10}{over('pair_p99_ms'):>12}{wrong}"
            )
        else:
            print(
                f"  {title:24}{spell(row['deliveries_per_s']):>14}{spell(row['cpu_s_per_million']):>10}"
                f"{spell(row['p50_ms']):>10}{spell(row['p99_ms']):>10}{spell((row['generator_share'] or 0) * 100):>8}"
                f"{spell((row['others_share'] or 0) * 100):>8}"
                f"{over('deliveries_per_s'):>12}{over('cpu_s_per_million'):>8}{wrong}"
            )


def print_extra(name, rows):
    """What a shape is about besides speed."""
    for server, row in rows.items():
        title = bench_servers.TITLES[server]
        if name == "churn" and row["pss_start_kib"]:
            print(
                f"  {title:24}memory {spell(row['pss_start_kib'])} KiB at the start, {spell(row['pss_end_kib'])} at the end; "
                f"{row['join_failures']:g} joins failed"
            )
        elif name == "frozen":
            print(
                f"  {title:24}of those who did not read {row['frozen_complete']:g} then got everything, {row['frozen_short']:g} less, "
                f"{row['frozen_closed']:g} had been closed; peak {spell(row['peak_kib'])} KiB"
            )


def print_goals(table):
    rows = bench_shapes.goals(table)
    if rows:
        print("\nchatd's goals")
    for what, value, bound, holds in rows:
        print(f"  {'holds ' if holds else 'MISSED'}  {what:52}{spell(value):>10}  {bound}")
    return all(row[3] for row in rows)


def pick(wanted, known, what):
    names = wanted.split(",") if wanted else list(known)
    for name in names:
        if name not in known:
            sys.exit(f"bench: no {what} is called {name}; there are {', '.join(known)}")
    return names


def run_table(args, found, tool, where):
    names = (
        list(bench_shapes.QUICK) if args.quick else pick(args.shapes, bench_shapes.SHAPES, "shape")
    )
    servers = pick(args.servers, bench_servers.TITLES, "server")
    runs = {name: {} for name in names}
    for turn in range(args.rounds):
        for name in names:
            _, words, who = bench_shapes.SHAPES[name]
            for server in (one for one in servers if one in who and one in found):
                print(f"round {turn + 1}/{args.rounds}  {name:12} {server}", file=sys.stderr)
                told = ["--seconds", str(args.seconds), *words.split()]
                run = measure_in_peace(found[server], tool, told, where, args.tries)
                if run:
                    runs[name].setdefault(server, []).append(run)
    return {
        name: {server: medians(taken) for server, taken in rows.items()}
        for name, rows in runs.items()
        if rows
    }


def run_curves(args, found, tool, where):
    """Medians, too, and interleaved: {curve: {server: [[x, row], ...]}}."""
    servers = [
        one
        for one in pick(args.servers, bench_servers.TITLES, "server")
        if one in bench_shapes.FAST and one in found
    ]
    runs = {}
    for turn in range(args.rounds):
        for name, (_, _, _, points) in bench_shapes.CURVES.items():
            for x, words in points:
                for server in servers:
                    print(
                        f"curve {turn + 1}/{args.rounds}  {name:12} {x:>8} {server}",
                        file=sys.stderr,
                    )
                    told = ["--seconds", str(CURVE_SECONDS), *words.split()]
                    run = measure_in_peace(found[server], tool, told, where, args.tries)
                    if run:
                        runs.setdefault((name, server, x), []).append(run)
    curves = {}
    for (name, server, x), taken in runs.items():
        curves.setdefault(name, {}).setdefault(server, []).append([x, medians(taken)])
    return curves


def machine():
    """The kind of machine, not which one."""
    model = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "processor": model or platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release().split("-")[0],
        "architecture": platform.machine(),
    }


def run_all(args):
    tool = args.build / "tests" / "bench" / "chat-bench"
    chatd = (args.chatd or args.build / "src" / "chatd").resolve()
    floor = args.build / "tests" / "bench" / "floor"
    if not os.access(tool, os.X_OK):
        sys.exit(f"bench: {tool} is not there; build first")
    found = bench_servers.commands(chatd, args.chatd_set, floor.resolve())
    for server in bench_servers.TITLES:
        if server not in found:
            print(f"bench: without {bench_servers.TITLES[server]}: not found here", file=sys.stderr)
    bench_servers.raise_files()
    where = cores()
    result = {
        "machine": machine(),
        "versions": bench_servers.versions(found),
        "rounds": args.rounds,
        "seconds": args.seconds,
        "table": run_table(args, found, tool.resolve(), where),
        "curves": {},
    }
    if args.curves or (args.write_docs and not args.quick):
        result["curves"] = run_curves(args, found, tool.resolve(), where)
    output = args.output or args.build / "bench.json"
    output.write_text(json.dumps(result, indent=1) + "\n")
    print(f"bench: the result is in {output}", file=sys.stderr)
    return result


def main():
    args = arguments()
    result = json.loads(args.source.read_text()) if args.source else run_all(args)
    for name, rows in result["table"].items():
        print_shape(name, rows)
        print_extra(name, rows)
    held = print_goals(result["table"])
    if args.write_docs:
        bench_docs.write(result, args.write_docs)
    complete = not any(
        row["incomplete"] for rows in result["table"].values() for row in rows.values()
    )
    sys.exit(0 if complete and (held or not args.check) else 1)


if __name__ == "__main__":
    main()
