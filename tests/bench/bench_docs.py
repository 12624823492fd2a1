"""docs/performance.md and its plots, from a result of bench.py."""

import bench_plots
import bench_servers
import bench_shapes

INTRO = """# Performance

This page is written by `make bench`. It compares chatd with other servers that speak the same
protocol, on one machine, in one run. **The ratios are what to take away**; the figures belong to
the machine: {machine}.

"""

METHOD = """
## How it was measured

- `chat-bench` puts the load on and counts. It is one thread with a WebSocket client of its own,
  far cheaper than the servers; the column *generator* says how much of its core it took. At the
  end of every run it waits for what is under way and compares what each member got with what the
  others sent: a run that lost or doubled a single message is marked as incomplete.
- Every server gets a fresh process for every run, pinned to one core; the generator has another.
- The servers take turns, {rounds} rounds of {seconds:g} seconds for each shape. The tables have the
  medians. A run during which other programs used more than 15 % of a core is repeated;
  where that didn't help, the row is marked as disturbed.
- *Window* is the number of messages under way in each room: with 64 in a room of 100, 64 × 99
  deliveries are on their way at any time. So latency here is mostly the time in a full queue;
  the latency of a server with room to spare is in the plot of latency by load.
- Contents have 64 bytes unless the row says otherwise. No TLS, no compression, loopback.
- *Processor* is user and system time of all the server's threads for a million deliveries.
- The peers:

{peers}

To measure on your own machine: `make bench`, or by hand

```
taskset -c 0 chatd --set server.listen=127.0.0.1:8765 --set limits.connections=30000 &
taskset -c 1 chat-bench --members 100 --window 64 --pid $! ws://127.0.0.1:8765/bench
```

`chat-bench --help` lists the shapes of load.
"""

COSTS = """
## What this means for an operator

**What a core carries** depends on the shape. A message costs the server one read, one walk through
its JSON and one copy into the room; a delivery costs a share of a write to the kernel, and the busier
a room is, the more deliveries share one write. So a full room is cheap for each delivery ({cpu_room}
seconds of processor time for a million), and many small rooms cost more ({cpu_pairs} seconds for
a million in rooms of two), because there every delivery is a system call, in any server.

**Memory.** An idle connection takes {idle_user} bytes in chatd. The kernel's part comes on top, and is larger:
{idle_kernel} bytes were seen for each connection, which on loopback is both ends; a remote client's end is
not on your machine. Data on its way comes on top of that, up to the socket buffers of
`net.ipv4.tcp_wmem` for readers who lag, and chatd's own limits `limits.lag_bytes` and
`limits.buffered_bytes`.

**What to set** for many connections:

| what | where | why |
| --- | --- | --- |
| descriptors | `LimitNOFILE=` in the unit, `ulimit -n` in a shell | one for each connection, and some dozens |
| `limits.connections` | chatd's configuration | turns away what is too much, before the kernel does |
| `net.core.somaxconn` | sysctl | how many may wait to be accepted, when everybody comes back at once |
| `net.ipv4.ip_local_port_range` | sysctl, on a proxy | one address reaches a server from some 28,000 ports; a proxy with more connections wants more addresses |
| `net.ipv4.tcp_mem` | sysctl | the kernel's limit for all TCP memory, in pages |
"""


def number(value, digits=3):
    if value is None:
        return "–"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} M"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def cell(row, key, scale=1):
    value = row.get(key)
    return number(value * scale if value is not None else None)


def throughput_table(table):
    lines = [
        "| shape | server | deliveries/s | chatd is × | processor s/M | chatd takes × | p50 ms | p99 ms | generator |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, rows in table.items():
        if name in ("idle", "mix", "mixalone"):
            continue
        title = bench_shapes.SHAPES[name][0]
        for server, row in rows.items():
            speed = bench_shapes.ratio(table, name, "deliveries_per_s", server)
            cpu = bench_shapes.ratio(table, name, "cpu_s_per_million", server)
            note = " (incomplete)" if row["incomplete"] else ""
            if (row.get("others_share") or 0) > 0.15:
                note += " (disturbed)"
            lines.append(
                f"| {title} | {bench_servers.TITLES[server]}{note} | {cell(row, 'deliveries_per_s')} | {number(speed)} | "
                f"{cell(row, 'cpu_s_per_million')} | {number(cpu)} | {cell(row, 'p50_ms')} | {cell(row, 'p99_ms')} | "
                f"{cell(row, 'generator_share', 100)} % |"
            )
            title = ""
    return lines


def idle_table(rows):
    lines = [
        "| server | user space each | µs per connect, first 1,000 | last 1,000 | processor while idle |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for server, row in rows.items():
        lines.append(
            f"| {bench_servers.TITLES[server]} | {cell(row, 'connection_bytes')} B | {cell(row, 'connect_first_us')} | "
            f"{cell(row, 'connect_last_us')} | {cell(row, 'server_share', 100)} % |"
        )
    return lines


def mix_table(table):
    lines = [
        "| server | | p50 ms | p99 ms | p99.9 ms | busy room, deliveries/s |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for server in bench_servers.TITLES:
        for name, words in (("mixalone", "alone"), ("mix", "beside")):
            row = table.get(name, {}).get(server)
            if row:
                busy = cell(row, "deliveries_per_s") if name == "mix" else ""
                lines.append(
                    f"| {bench_servers.TITLES[server]} | {words} | {cell(row, 'pair_p50_ms')} | {cell(row, 'pair_p99_ms')} | "
                    f"{cell(row, 'pair_p999_ms')} | {busy} |"
                )
    return lines


def curve_series(name, curve):
    """The points of a curve; for latency, as far as the server could keep up with the load."""
    key = bench_shapes.CURVES[name][2]
    series = {}
    for server, points in curve.items():
        kept = []
        for x, row in points:
            value = bench_shapes.figure(row, key)
            if not value or value <= 0:
                continue
            kept.append((x, value))
            if name == "load" and (row["deliveries_per_s"] or 0) < 0.95 * x:
                break  # the first point beyond what it carries
        if kept:
            series[server] = kept
    return series


X_LABELS = {
    "load": "deliveries a second asked for",
    "window": "messages under way",
    "members": "members of the room",
    "rooms": "rooms",
    "connections": "connections",
}


def write_plots(result, folder):
    """Return [(file, title)] of what was written."""
    written = []
    titles = bench_servers.TITLES
    rows = [
        (
            bench_shapes.SHAPES[name][0],
            {
                server: row["deliveries_per_s"]
                for server, row in servers.items()
                if row.get("deliveries_per_s")
            },
        )
        for name, servers in result["table"].items()
        if name not in ("idle", "mix", "mixalone", "frozennot")
    ]
    rows = [(name, row) for name, row in rows if row]
    if rows:
        (folder / "performance-shapes.svg").write_text(
            bench_plots.dots("Throughput by shape", "deliveries a second", rows, titles)
        )
        written.append(("performance-shapes.svg", "Throughput by shape"))
    for name, curve in result.get("curves", {}).items():
        series = curve_series(name, curve)
        if series:
            title, y_label, _, _ = bench_shapes.CURVES[name]
            file = f"performance-{name}.svg"
            (folder / file).write_text(
                bench_plots.lines(title, X_LABELS[name], y_label, series, titles)
            )
            written.append((file, title))
    return written


def write(result, folder):
    folder.mkdir(parents=True, exist_ok=True)
    table = result["table"]
    kind = result["machine"]
    peers = "\n".join(
        f"  - {bench_servers.TITLES[server]}: {version}"
        for server, version in result["versions"].items()
        if server != "chatd"
    )
    peers += "\n  - the floor: bare epoll and no JSON library, the least that any single-threaded server must do"
    parts = [
        INTRO.format(machine=f"{kind['processor']}, {kind['cores']} cores, Linux {kind['kernel']}")
    ]
    parts += ["## Throughput", "", *throughput_table(table), ""]
    if "idle" in table:
        parts += [
            "## Idle connections",
            "",
            bench_shapes.SHAPES["idle"][0] + ".",
            "",
            *idle_table(table["idle"]),
            "",
        ]
    if "mix" in table:
        parts += [
            "## Small rooms beside a big one",
            "",
            "Delivery latency in 50 quiet pairs, alone and while a room of 5,000 is saturated by its senders.",
            "",
            *mix_table(table),
            "",
        ]
    plots = write_plots(result, folder)
    if plots:
        parts += ["## Plots", ""]
        for file, title in plots:
            parts += [f"![{title}]({file})", ""]
    chatd_row = table.get("room100", {}).get("chatd", {})
    pairs_row = table.get("pairs", {}).get("chatd", {})
    idle_row = table.get("idle", {}).get("chatd", {})
    parts.append(
        COSTS.format(
            cpu_room=cell(chatd_row, "cpu_s_per_million"),
            cpu_pairs=cell(pairs_row, "cpu_s_per_million"),
            idle_user=cell(idle_row, "connection_bytes"),
            idle_kernel=cell(idle_row, "kernel_bytes_both_ends"),
        )
    )
    parts.append(METHOD.format(rounds=result["rounds"], seconds=result["seconds"], peers=peers))
    (folder / "performance.md").write_text("\n".join(parts))
