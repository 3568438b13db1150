"""The web page in a headless Chromium, in the namespace that it is started in; what was seen is printed as JSON.

    python page_child.py URL [FOLDER]

In FOLDER each page is left as a picture, light and dark.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

_ALONE = ("quiet", "background-networking", "component-update", "sync")
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *(f"--disable-{word}" for word in _ALONE),
    "--window-size=1400,900",
)
PAGES = ("traffic", "topology", "fabric")
SECONDS = 20.0


class Page:
    """One browser on one URL."""

    def __init__(self, url: str) -> None:
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for option in OPTIONS:
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.url = url

    def open(self, page: str) -> None:
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/#{page}")

    def until(self, condition: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, SECONDS, 0.1).until(lambda _: condition())

    def rows(self, label: str) -> list[list[str]]:
        """The cells of a table, row by row. It may be drawn anew in between: then they are none."""
        script = "return [...document.querySelectorAll(`table[aria-label=${arguments[0]}] tbody tr`)]"
        script += ".map(row => [...row.cells].map(cell => cell.textContent))"
        found: list[list[str]] = self.driver.execute_script(script, label)
        return found

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(each => each.textContent)"
        found: list[str] = self.driver.execute_script(script, selector)
        return found

    def press(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def focused(self) -> str:
        return str(self.driver.switch_to.active_element.text)

    def color(self) -> str:
        script = "return getComputedStyle(document.body).backgroundColor"
        return str(self.driver.execute_script(script))

    def theme(self, name: str) -> None:
        Select(self.driver.find_element(By.ID, "theme")).select_by_value(name)


def see(page: Page) -> dict[str, Any]:
    """Go through the pages as an operator would."""
    seen: dict[str, Any] = {}
    page.open("traffic")
    seen["all"] = page.until(lambda: page.rows("usage"))
    seen["health"] = page.until(lambda: page.texts("#health")[0])
    seen["layers"] = page.until(lambda: len(page.texts("#chart .scatterlayer .trace")))
    seen["told"] = page.driver.find_element(By.ID, "chart").get_attribute("aria-label")
    page.press(Keys.TAB, Keys.TAB)
    order = []
    for _ in range(8):
        order.append(page.focused())
        page.press(Keys.TAB)
    seen["tab order"] = order
    link = page.driver.find_element(By.CSS_SELECTOR, "table[aria-label=usage] tbody a")
    seen["first"] = link.text
    link.send_keys(Keys.ENTER)
    seen["drilled"] = page.until(lambda: page.driver.title if link_is_gone(page) else "")
    seen["switches"] = page.until(lambda: page.texts("main section li"))
    page.open("ports/red/web")
    seen["ports"] = page.until(lambda: page.rows("ports"))
    page.open("topology")
    seen["map"] = page.until(lambda: page.texts(".map a"))
    seen["lines"] = len(page.texts(".map line"))
    seen["hit"] = page.texts(".map a.bad")
    page.open("fabric")
    seen["chassis"] = page.until(lambda: page.texts(".card h3"))
    seen["broken"] = page.texts(".card.bad h3")
    seen["tunnels"] = page.rows("tunnels")
    seen["colors"] = {}
    for name in ("light", "dark"):
        page.theme(name)
        seen["colors"][name] = page.color()
    page.theme("")
    return seen


def link_is_gone(page: Page) -> bool:
    return "traffic red" in page.driver.title or "traffic blue" in page.driver.title or "traffic green" in page.driver.title


def picture(page: Page, folder: Path) -> None:
    """Leave each page as a picture."""
    for name in ("light", "dark"):
        page.open("traffic")
        page.theme(name)
        for each in PAGES:
            page.open(each)
            page.until(lambda: page.driver.find_elements(By.CSS_SELECTOR, "main table, main svg.map"))
            page.driver.execute_async_script("setTimeout(arguments[0], 3000)")
            page.driver.save_screenshot(str(folder / f"page-{each.replace('/', '-')}-{name}.png"))


def main(url: str, folder: str | None = None) -> None:
    page = Page(url)
    try:
        seen = see(page)
        if folder is not None:
            picture(page, Path(folder))
        seen["console"] = [entry["message"] for entry in page.driver.get_log("browser")]  # type: ignore[no-untyped-call]
    finally:
        page.driver.quit()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
