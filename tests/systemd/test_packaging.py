"""What is packaged and written about the daemon agrees with the daemon."""
import pathlib
import re

from utils import run_chatd

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "packaging/chatd.conf"


def values(text):
    """[(section, key, value)] of a configuration, in its order."""
    found, section = [], None
    for line in text.splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = match[1]
        elif match := re.fullmatch(r"(\w+) = (.*?)(?: ;.*)?", line):
            found.append((section, match[1], match[2]))
    return found


def print_config(*arguments):
    result = run_chatd(*arguments, "--print-config")
    assert (result.returncode, result.stderr) == (0, "")
    return values(result.stdout)


def test_the_example_names_every_key_with_its_default():
    example = re.sub(r"^#(\w+ = )", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert values(example) == print_config("--config", "/dev/null")


def test_the_example_changes_nothing():
    result = run_chatd("--config", str(EXAMPLE), "--check")
    assert result.returncode == 0, result.stderr
    assert print_config("--config", str(EXAMPLE)) == print_config("--config", "/dev/null")


def test_the_example_with_all_its_comments_taken_away_is_the_same(tmp_path):
    config = tmp_path / "chatd.conf"
    config.write_text(re.sub(r"^#(\w+ = )", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert print_config("--config", str(config)) == print_config("--config", "/dev/null")


def test_the_readme_has_the_same_table():
    rows = re.findall(r"^\| `(\w+)\.(\w+)` \| `(.*?)` \|", (ROOT / "README.md").read_text(),
                      flags=re.MULTILINE)
    assert rows == print_config("--config", "/dev/null")
