// A button on each code block that copies it. Browsers allow it on https, localhost
// and files alone; elsewhere there is no button.
document.addEventListener("DOMContentLoaded", () => {
  if (!navigator.clipboard) return;
  for (const block of document.querySelectorAll("div.highlight")) {
    const code = block.querySelector("pre");
    if (!code) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy-code";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy this code");
    button.addEventListener("click", async () => {
      // Without the prompts of console sessions, and what they printed.
      const text = code.textContent;
      const prompt = /^(\$|>>>|\.\.\.) ?/;
      const lines = text.split("\n").filter((line) => prompt.test(line));
      const copied = /^(\$|>>>) /.test(text)
        ? lines.map((line) => line.replace(prompt, "")).join("\n")
        : text;
      await navigator.clipboard.writeText(copied.trimEnd() + "\n");
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }
});
