const frame = document.getElementById("frame");
frame.onload = () => {
  const page = frame.contentDocument;
  const view = frame.contentWindow;
  const isSeen = (element) => element.getClientRects().length > 0;
  const style = (element) => view.getComputedStyle(element);
  const paper = style(page.body).backgroundColor;

  // Contrast as WCAG 2 has it.
  const luminance = (colour) => {
    const parts = colour.match(/[\d.]+/g).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const contrast = (colour) => {
    const [low, high] = [luminance(colour), luminance(paper)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  const plots = [...page.querySelectorAll("svg")].filter(isSeen);
  const texts = [...page.querySelectorAll("h1,h2,p,dt,dd,th,td,li span,summary,footer,svg text")].filter(isSeen);
  const name = (element) => element.textContent.slice(0, 40);
  const outside = texts.filter((text) => {
    const box = text.getBoundingClientRect();
    const around = (text.closest("svg") || page.body).getBoundingClientRect();
    return !text.closest(".scroll") && (box.left < around.left - 1 || box.right > around.right + 1);
  });
  const scale = (text) => {
    const svg = text.closest("svg");
    return svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
  };
  const seen = {
    inner: view.innerWidth,
    scroll: page.documentElement.scrollWidth,
    title: page.title.replace(/:\d+$/, ":PORT"),
    scripts: page.scripts.length,
    resources: view.performance.getEntriesByType("resource").length,
    paper,
    plots: plots.map((plot) => ({
      title: plot.querySelector("title").textContent,
      width: plot.getBoundingClientRect().width,
      height: plot.getBoundingClientRect().height,
      marks: [...plot.querySelectorAll("path")].filter((path) => path.getBBox().width > 0).length,
    })),
    outside: outside.map((text) => {
      const box = text.getBoundingClientRect();
      const around = (text.closest("svg") || page.body).getBoundingClientRect();
      return `${name(text)}: ${box.left} to ${box.right} in ${around.left} to ${around.right}`;
    }),
    faint: texts.filter((text) => contrast(text.closest("svg") ? style(text).fill : style(text).color) < 4.5).map(name),
    small: texts.filter((text) => parseFloat(style(text).fontSize) * scale(text) < 10.5).map(name),
  };
  // At the end, for it hides the sentence that it stands in place of.
  const hit = plots[0].querySelector(".hits rect");
  hit.dispatchEvent(new view.PointerEvent("pointerenter"));
  seen.said = hit.closest("figure").querySelector("output").textContent;
  document.getElementById("seen").textContent = JSON.stringify(seen).replace(/[<>&]/g, "?");
};
