"""The page of a comparison in a real browser: what a reader sees, sorts, filters and copies."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from diffopt.cli.main import main

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
FEW = ["--only", "karras,exponential,polyexponential,beta,first_order_heun"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    path, document = folder / "page.html", folder / "page.json"
    words = ["compare-schedules", "builtin:power2", "-s", "euler,heun", "-n", "5,10", *FEW, "-q", "--html", str(path)]
    assert main([*words, "-o", str(document)]) == 0
    return path, json.loads(document.read_text())


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "the page is tested in Chromium: install it with the system's package manager"
    with sync_playwright() as tool:
        running = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def opened(browser, made):
    """The page at 1400 pixels, and every request and message of it."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    seen: list[str] = []
    page.on("request", lambda r: seen.append(r.url))
    page.on("pageerror", lambda e: seen.append(f"error {e}"))
    page.on("console", lambda m: seen.append(f"console {m.text}"))
    page.goto(made[0].as_uri())
    page.seen = seen
    yield page
    context.close()


def visible(page, selector="tr[data-row]"):
    return [row.get_attribute("data-schedule") for row in page.query_selector_all(selector) if row.is_visible()]


def test_it_loads_nothing_and_says_nothing(opened, made):
    assert opened.seen == [made[0].as_uri()]


def test_the_answer_stands_on_top_and_is_that_of_the_numbers(opened, made):
    text = opened.inner_text(".answer")
    rows = [r for r in made[1]["rows"] if r["solver"] == "heun" and r["budget"] == 10]
    best, karras = (next(r for r in rows if r["schedule"] == name) for name in ("optimized", "karras"))
    line = next(x for x in text.splitlines() if x.startswith(f"heun, {best['denoiser_calls']} calls"))
    told = float(re.search(r"robust ([\d.e+-]+)", line)[1])
    assert told == pytest.approx(best["robust"], rel=5e-3)
    times = re.search(r"([\d.]+) (times|%) below karras", line)
    ratio = float(times[1]) if times[2] == "times" else 1 + float(times[1]) / 100
    assert ratio == pytest.approx(karras["robust"] / best["robust"], rel=1e-2)


def test_there_is_a_section_for_every_solver_and_budget(opened, made):
    groups = {(r["solver"], r["budget"]) for r in made[1]["rows"]}
    assert len(opened.query_selector_all("section[data-group]")) == len(groups) == 4


def test_equal_grids_are_one_row_with_both_names(opened):
    names = visible(opened)
    assert "exponential polyexponential" in names
    assert "polyexponential" not in names


@pytest.mark.parametrize("width", [1400, 390])
def test_the_deciding_columns_are_on_the_screen(browser, made, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(made[0].as_uri())
    table = page.query_selector("section[data-group] table")
    for head in table.query_selector_all("th"):
        if head.inner_text().strip() in ("schedule", "robust", "ratio", "frechet"):
            box = head.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
    page.close()


@pytest.mark.parametrize(("width", "all_columns"), [(1400, False), (390, False), (390, True)])
def test_the_header_stays_below_the_filter_while_the_page_scrolls(opened, width, all_columns):
    """What lies at the middle of the heading is the heading, wherever the page stands within a table."""
    opened.set_viewport_size({"width": width, "height": 500})
    if all_columns:
        opened.locator(".dropped button").first.click()
    opened.add_style_tag(content="td { height: 120px }")
    table = opened.query_selector_all("section[data-group] table")[-1]
    for deep in (0.0, 0.4, 0.7):
        table.evaluate("(e, deep) => scrollTo(0, scrollY + e.getBoundingClientRect().top + deep * e.offsetHeight)", deep)
        opened.wait_for_timeout(60)
        head, bar = table.query_selector("th button"), opened.query_selector(".bar").bounding_box()
        box = head.bounding_box()
        assert box["y"] >= bar["y"] + bar["height"] - 1
        assert head.evaluate("""e => {
          const b = e.getBoundingClientRect();
          return document.elementFromPoint(b.x + 8, b.y + b.height / 2) === e;
        }""")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_the_first_column_stays_where_all_columns_are_asked_for_on_a_small_screen(opened):
    opened.set_viewport_size({"width": 390, "height": 700})
    group = opened.query_selector("section[data-group]")
    told = group.query_selector(".dropped")
    names = [h.inner_text() for h in group.query_selector_all("th") if not h.is_visible()]
    hidden = [h.text_content() for h in group.query_selector_all("th.wide")]
    assert told.is_visible() and hidden and len(names) == len(hidden)
    assert set(re.split(r"[:,.] *", told.inner_text().partition(":")[2].strip().partition(".")[0])) == set(hidden)
    told.query_selector("button").click()
    assert all(h.is_visible() for h in group.query_selector_all("th.wide")) and "Swipe" in told.inner_text()
    box = group.query_selector(".scroll")
    box.evaluate("e => { e.scrollLeft = 200; }")
    assert box.evaluate("e => e.scrollLeft") > 0
    cell = box.query_selector("tbody tr td")
    assert cell.bounding_box()["x"] == pytest.approx(box.bounding_box()["x"], abs=3)
    told.query_selector("button").click()
    assert not any(h.is_visible() for h in group.query_selector_all("th.wide"))
    opened.set_viewport_size({"width": 1400, "height": 700})
    assert not told.is_visible()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("kind: tabel", "kind has optimized, spectrum, fixed"),
        ("kind:", "kind has"),
        ("colour:red", "there is no column colour; columns are schedule, solver, kind"),
        ("host:nowhere", "host has "),
        ("steps:7", "steps has 5, 10"),
        ("heun euler", "words are whole names"),
        ("kar", "words are whole names or numbers; kar* finds 4"),
    ],
)
def test_a_filter_that_finds_nothing_says_what_there_is(opened, words, hint):
    opened.fill("#filter", words)
    assert visible(opened) == []
    assert hint in opened.inner_text("#count") and opened.inner_text("#count").startswith("0 rows")
    opened.fill("#filter", "")
    assert opened.inner_text("#count") == ""


@pytest.mark.parametrize("where", ["#filter", "thead th button"])
def test_the_arrow_goes_from_the_filter_and_from_a_head_into_the_rows(opened, where):
    opened.fill("#filter", "karras")
    opened.focus(where if where == "#filter" else "section:not([hidden]) > section:not([hidden]) " + where)
    opened.keyboard.press("ArrowDown")
    assert opened.evaluate("document.activeElement.closest('tr')?.dataset.schedule") == "karras"
    opened.keyboard.press("Enter")
    assert len(opened.query_selector_all("tr.grid")) == 1


def test_the_heading_says_which_data_and_solvers(opened):
    assert opened.inner_text("h1") == "Step grids compared on builtin:power2: euler, heun"


def test_a_space_after_the_colon_of_a_column_is_no_word_of_its_own(opened):
    opened.fill("#filter", "kind: optimized")
    spaced = visible(opened)
    opened.fill("#filter", "kind:optimized")
    assert spaced == visible(opened) and set(spaced) == {"optimized"}


@pytest.mark.parametrize("width", [1400, 390])
def test_the_placeholder_of_the_filter_is_not_cut(opened, width):
    opened.set_viewport_size({"width": width, "height": 700})
    room, asked = opened.evaluate("""() => {
      const box = document.getElementById('filter'), style = getComputedStyle(box);
      const pen = document.createElement('canvas').getContext('2d'), pad = parseFloat(style.paddingLeft);
      pen.font = style.font;
      return [box.clientWidth - 2 * pad, pen.measureText(box.placeholder).width];
    }""")
    assert asked <= room


def test_arrows_walk_over_the_rows_that_are_shown(opened):
    opened.fill("#filter", "euler kind:fixed")
    shown = [row for row in opened.query_selector_all("tr[data-row]") if row.is_visible()]
    shown[0].query_selector(".open").focus()
    here = "document.activeElement.closest('tr').dataset.row"
    opened.keyboard.press("ArrowDown")
    assert opened.evaluate(here) == shown[1].get_attribute("data-row")
    opened.keyboard.press("ArrowUp")
    assert opened.evaluate(here) == shown[0].get_attribute("data-row")


def test_a_heading_sorts_by_mouse_and_by_keyboard(opened):
    table = opened.query_selector("section[data-group] table")

    def column():
        cells = [row.query_selector_all("td")[2] for row in table.query_selector_all("tbody tr")]
        return [float(v) for cell in cells if (v := cell.get_attribute("data-v"))]

    heading = table.query_selector_all("th button")[2]
    heading.click()
    assert column() == sorted(column())
    heading.focus()
    opened.keyboard.press("Enter")
    assert column() == sorted(column(), reverse=True)
    assert len(set(column())) > 2


@pytest.mark.parametrize(
    ("words", "all_of"),
    [
        ("heun 10", lambda r: r["solver"] == "heun" and 10 in (r["steps"], r["denoiser_calls"])),
        ("solver:heun", lambda r: r["solver"] == "heun"),
        ("karras", lambda r: r["schedule"] == "karras"),
        ("*exponential", lambda r: "exponential" in r["schedule"]),
        ("kind:optimized euler", lambda r: r["kind"] == "optimized" and r["solver"] == "euler"),
        ("nothing", lambda r: False),
    ],
)
def test_the_filter_takes_whole_words_and_columns(opened, made, words, all_of):
    opened.fill("#filter", words)
    expected = sorted(r["schedule"] for r in made[1]["rows"] if all_of(r) and r["schedule"] != "polyexponential")
    assert sorted(n.split()[0] for n in visible(opened)) == expected


def test_a_row_opens_its_grid_and_copies_what_the_json_holds(opened, made):
    row = opened.query_selector('tr[data-schedule="karras"]')
    solver, calls = row.get_attribute("data-solver"), int(row.get_attribute("data-calls"))
    row.query_selector(".open").focus()
    opened.keyboard.press("Enter")
    opened.click("tr.grid button")
    text = opened.evaluate("navigator.clipboard.readText()")
    chosen = [r for r in made[1]["rows"] if (r["schedule"], r["solver"], r["denoiser_calls"]) == ("karras", solver, calls)]
    assert [float(v) for v in text.split(",")] == pytest.approx(chosen[0]["sigmas"], rel=1e-8)
    assert "e" not in text


def test_a_click_anywhere_in_a_row_opens_it_and_another_closes_it(opened):
    row = opened.query_selector('tr[data-schedule="karras"]')
    cell = row.query_selector_all("td")[-1]
    cell.click()
    assert row.query_selector(".open").get_attribute("aria-expanded") == "true" and opened.query_selector("tr.grid")
    cell.click()
    assert row.query_selector(".open").get_attribute("aria-expanded") == "false" and not opened.query_selector("tr.grid")


def test_a_long_table_shows_its_best_rows_first_and_all_when_asked(browser, tmp_path):
    path = tmp_path / "long.html"
    assert main(["compare-schedules", "builtin:power2", "-s", "euler", "-n", "4", "-q", "--html", str(path)]) == 0
    page = browser.new_page()
    page.goto(path.as_uri())
    every = len(page.query_selector_all("tr[data-row]"))
    assert 12 <= len(visible(page)) <= 14 < every and "karras" in " ".join(visible(page)).split()
    page.click(".more")
    assert len(visible(page)) == every
    page.click(".more")
    page.fill("#filter", "ddim_uniform")
    assert len(visible(page)) == 1
    page.close()


def test_the_buttons_copy_what_hosts_take(opened, made, tmp_path):
    """Read back as each host reads it; the file goes through `diffopt export`."""
    row = opened.query_selector('tr[data-schedule="karras"][data-solver="heun"]')
    calls = int(row.get_attribute("data-calls"))
    wanted = next(r for r in made[1]["rows"] if (r["schedule"], r["solver"], r["denoiser_calls"]) == ("karras", "heun", calls))
    row.query_selector(".open").click()

    def copied(label):
        opened.locator("tr.grid button", has_text=label).first.click()
        return opened.evaluate("navigator.clipboard.readText()")

    numbers = lambda text: [float(v) for v in re.findall(r"(?<![\w.])\d[\d.]*(?![\w.])", text)]  # noqa: E731
    sigmas = pytest.approx(wanted["sigmas"], rel=1e-8)
    assert numbers(copied("ComfyUI")) == sigmas
    line = copied("stable-diffusion.cpp")
    assert line.startswith(f'--sampling-method heun --steps {wanted["steps"]} --sigmas "')
    assert numbers(line.partition("--sigmas")[2]) == sigmas
    assert numbers(re.search(r"tensor\(\[(.*)\]", copied("k-diffusion"))[1]) == sigmas
    assert numbers(re.search(r"as_tensor\(\[(.*)\], dtype", copied("EDM"))[1]) == pytest.approx(wanted["sigmas"][:-1], rel=1e-8)
    assert json.loads(copied("Python: list of sigmas")) == sigmas
    file, there = tmp_path / "grid.json", tmp_path / "grid.py"
    file.write_text(copied("grid file"))
    assert json.loads(file.read_text())["sigmas"] == sigmas
    assert main(["export", str(file), "--to", "k_diffusion", "-o", str(there), "-q"]) == 0
    assert "import sample_heun" in there.read_text()


def test_a_row_that_no_program_offers_is_marked(opened, made):
    for row in opened.query_selector_all("section[data-solver=euler] tr[data-row]"):
        marked = "bare" in (row.get_attribute("class") or "")
        assert marked == (row.get_attribute("data-schedule") == "first_order_heun")
    opened.fill("#filter", "host:comfyui solver:euler")
    assert {n.split()[0] for n in visible(opened)} == {"karras", "exponential", "beta"}


def test_every_button_that_copies_says_what_and_for_whom(opened):
    opened.query_selector('tr[data-schedule="karras"][data-solver="heun"] .open').click()
    names = [button.inner_text() for button in opened.query_selector_all("tr.grid button")]
    assert len(names) == len(set(names)) >= 6 and opened.inner_text("tr.grid").count("Copy") == 1
    what = r"sigmas|flags|line of Python|lines of|list of|JSON|a sigma a line"
    assert all(re.fullmatch(rf"[\w .+-]+: .*({what}).*", name) for name in names), names


def test_dark_readers_get_a_dark_page_and_may_turn_it(browser, made):
    """The button names the theme that it turns to; pictures turn with the page."""
    page = browser.new_context(color_scheme="dark").new_page()
    page.goto(made[0].as_uri())

    paper, letters = "document.body).backgroundColor", "document.querySelector('figure svg text')).fill"
    for name, dark in (("Switch to light", True), ("Switch to dark", False), ("Switch to light", True)):
        assert page.inner_text("#theme") == name
        seen = page.evaluate(f"getComputedStyle({paper}"), page.evaluate(f"getComputedStyle({letters}")
        shade, ink = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in seen)
        assert (shade < 150 and ink > 450) if dark else (shade > 600 and ink < 350)
        page.click("#theme")
    page.close()


@pytest.mark.parametrize("width", [1400, 390])
def test_pictures_fit_the_screen_with_letters_that_can_be_read(browser, made, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(made[0].as_uri())
    pictures = page.query_selector_all("figure svg")
    assert len(pictures) == 5
    for picture in pictures:
        box = picture.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        for text in picture.query_selector_all("text"):
            letters = text.bounding_box()
            right = letters["x"] + letters["width"]
            assert letters["x"] >= box["x"] - 1 and right <= box["x"] + box["width"] + 1, text.inner_html()
        sizes = picture.evaluate("""e => [...e.querySelectorAll('text')].map(t => {
          const drawn = e.getBoundingClientRect().width / e.viewBox.baseVal.width;
          return parseFloat(getComputedStyle(t).fontSize) * drawn;
        })""")
        assert min(sizes) > 7.4
    page.close()


def test_contrast_of_text_is_enough_in_both_themes(browser, made):
    def luminance(colour):
        channels = [int(v) / 255 for v in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for scheme in ("light", "dark"):
        page = browser.new_context(color_scheme=scheme).new_page()
        page.goto(made[0].as_uri())
        back = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for selector in ("body", ".soft", "nav a"):
            front = luminance(page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).color"))
            ratio = (max(front, back) + 0.05) / (min(front, back) + 0.05)
            assert ratio > 4.5, (scheme, selector, ratio)
        page.close()
