"""The page in a real browser, opened from disk: nothing on its console, values under the pointer, the slider moves."""

import shutil

import pytest

from oneiros.report import figures, write_report

from .folders import EVIL, dreaming, replay

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: uv sync --group browser")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium or chromedriver is not installed: apt-get install chromium-driver"
)
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1100,900",
)  # fmt: skip
DRAWN = "return document.querySelectorAll('figure[data-kind]:not([data-ready])').length == 0"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    replay(out, seeds=2)
    dreaming(out, seeds=1)
    with pytest.MonkeyPatch.context() as patched:  # still figures are hidden where there is JavaScript
        patched.setattr(figures, "save", lambda *_: "<svg></svg>")
        page = write_report(out)
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER)) as opened:
        # A tall screen, so that every figure is near it and drawn.
        tall = {"width": 1100, "height": 12000, "deviceScaleFactor": 1, "mobile": False}
        opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", tall)
        opened.get(page.as_uri())
        wait(opened, lambda: opened.execute_script(DRAWN))
        yield opened


def wait(opened, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(opened, 60, poll_frequency=0.1).until(lambda _: condition())


def find(browser, selector):
    return browser.find_element("css selector", selector)


def test_nothing_is_said_on_the_console_and_nothing_is_fetched(browser):
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in fetched if not name.startswith("data:")] == []


def test_nothing_sticks_out_of_a_phone(browser):
    narrow = {"width": 390, "height": 12000, "deviceScaleFactor": 1, "mobile": True}
    wide = {**narrow, "width": 1100, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", wide)
    assert width <= 390


def test_the_pointer_is_told_values(browser):
    from selenium.webdriver import ActionChains

    bar = find(browser, "#synthetic-replay figure[data-kind=finals] .mark-rect path")
    ActionChains(browser).move_to_element(bar).perform()
    wait(browser, lambda: "78.00" in find(browser, "#vg-tooltip-element").text)
    said = find(browser, "#vg-tooltip-element").text
    assert "generative" in said
    assert "78.00 to 78.00" in said


def test_the_slider_moves_through_the_life(browser):
    from selenium.webdriver import Keys

    figure = find(browser, "#synthetic-replay figure[data-kind=gallery]")
    slider = figure.find_element("css selector", "input[type=range]")
    picture = "#synthetic-replay .stage img"
    last, moment = find(browser, picture).get_attribute("src"), figure.find_element("css selector", "output")
    assert moment.text == "day 5, step 500"
    slider.send_keys(Keys.ARROW_LEFT)
    assert moment.text == "day 5"
    assert find(browser, picture).get_attribute("src") != last
    assert EVIL in find(browser, picture).get_attribute("alt")
    slider.send_keys(Keys.HOME)
    assert moment.text == "day 1"


def test_a_matrix_follows_its_controls(browser):
    figure = find(browser, "#synthetic-replay figure[data-families=accuracy]")
    cells = "return arguments[0].querySelectorAll('.mark-rect path').length"
    assert browser.execute_script(cells, figure) == 2 * 15  # before and after the night, five days
    seeds = figure.find_elements("css selector", "select")[-1]
    assert [option.text for option in seeds.find_elements("css selector", "option")] == ["mean over seeds", "0", "1"]


def test_conditions_can_be_switched_off(browser):
    figure = find(browser, "#synthetic-dreaming figure[data-kind=curves]")
    lines = "return arguments[0].querySelectorAll('.mark-line path').length"
    assert browser.execute_script(lines, figure) == 3
    figure.find_elements("css selector", ".legend input")[0].click()
    wait(browser, lambda: browser.execute_script(lines, figure) == 2)


def test_every_control_has_a_name(browser):
    unnamed = browser.execute_script(
        "return [...document.querySelectorAll('select, input')].filter((each) =>"
        " !each.closest('label') && !each.getAttribute('aria-label')).length"
    )
    assert unnamed == 0
