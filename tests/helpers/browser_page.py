"""What a page did in a browser, for tests."""

import json


def quiet(page) -> bool:
    """Whether it asked the network for nothing and reported no error."""
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    # chrome:// are the browser's own pages
    outside = [url for url in asked if not url.startswith(("file:", "data:", "chrome:"))]
    return bool(asked) and not outside and not page.get_log("browser")


def figure_widths(page) -> list[int]:
    """Widths of all figures in pixels; 0 for those that cannot be shown."""
    page.execute_script("document.querySelectorAll('figure img').forEach(image => image.loading = 'eager')")
    return page.execute_async_script(
        "const done = arguments[0];"
        "const width = image => image.decode().then(() => image.naturalWidth, () => 0);"
        "Promise.all([...document.querySelectorAll('figure img')].map(width)).then(done)"
    )
