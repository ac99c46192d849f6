/* The theme puts each copy button into a <nav> without a name; it is no navigation. A table that is
   wider than the screen scrolls, which the keyboard does only if it can have the focus. */
new MutationObserver(() => {
  for (const each of document.querySelectorAll("nav.md-code__nav:not([role])")) {
    each.setAttribute("role", "none")
  }
  for (const each of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    each.setAttribute("tabindex", "0")
  }
}).observe(document.documentElement, { childList: true, subtree: true })
