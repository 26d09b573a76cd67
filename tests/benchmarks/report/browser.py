"""A page in headless Chromium, and what a user does with it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WINDOW = (1280, 1000)


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Start Debian's Chromium by its driver, both already installed; skip where they are not."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = selenium.ChromeOptions()
    options.binary_location = programs[0]
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={WINDOW[0]},{WINDOW[1]}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With its path given, selenium looks for no driver of its own.
    service = selenium.ChromeService(programs[1])
    driver = selenium.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


class Browser:
    """A loaded page: short words for what tests do again and again."""

    def __init__(self, driver: Any, page: Path) -> None:
        self.driver = driver
        driver.get(page.as_uri())

    def js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        # Elements of SVG have no text as it is laid out.
        code = "return [...document.querySelectorAll(arguments[0])]"
        return self.js(f"{code}.map((e) => e.innerText ?? e.textContent)", selector)

    def click(self, selector: str, number: int = 0) -> None:
        element = self.all(selector)[number]
        self.js("arguments[0].scrollIntoView({ block: 'center' })", element)
        element.click()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait for what the browser does in its own time."""
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, 10, poll_frequency=0.05).until(lambda driver: condition())

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def choose(self, selector: str, value: str) -> None:
        from selenium.webdriver.support.select import Select

        Select(self.find(selector)).select_by_value(value)

    def options(self, selector: str) -> list[str]:
        return self.js(
            "return [...document.querySelector(arguments[0]).options].map((o) => o.value)", selector
        )

    def traces(self, kind: str, plot: str = "#picture") -> list[dict[str, Any]]:
        """Return the traces of one kind (node, edge, hull) in a plot of the explorer."""
        return self.js(
            "return document.querySelector(arguments[1]).data"
            ".filter((trace) => trace.meta.kind === arguments[0])",
            kind,
            plot,
        )

    def nodes(self, plot: str = "#picture") -> dict[str, Any]:
        (trace,) = self.traces("node", plot)
        return trace

    def point(self, x: float, y: float, click: bool = False) -> None:
        """Move the mouse to a point of the picture, in the picture's own coordinates."""
        from selenium.webdriver import ActionChains

        picture = self.find("#picture")
        self.js("arguments[0].scrollIntoView({ block: 'center' })", picture)
        left, top = self.js(
            "const { xaxis, yaxis } = arguments[0]._fullLayout;"
            "const box = arguments[0].getBoundingClientRect();"
            "return [xaxis._offset + xaxis.l2p(arguments[1]) - box.width / 2,"
            " yaxis._offset + yaxis.l2p(arguments[2]) - box.height / 2]",
            picture,
            x,
            y,
        )
        place = int(left), int(top)

        def is_seen() -> bool:
            # Plotly looks for the mouse every 50 ms, on a busy machine later, and for none that
            # lies still: a click is where it was last seen.
            actions = ActionChains(self.driver, duration=20)
            actions.move_to_element_with_offset(picture, place[0] + 9, place[1] + 9)
            actions.pause(0.1).move_by_offset(-9, -9).pause(0.1).perform()
            return not click or self.js("return arguments[0]._hoverdata?.length > 0", picture)

        # What it saw before is not what lies here now.
        self.js("arguments[0]._hoverdata = undefined", picture)

        self.wait(is_seen)
        if click:
            # Two clicks within 0.3 s would be a double click.
            ActionChains(self.driver).pause(0.4).click().perform()
