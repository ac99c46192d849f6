/* The theme puts each copy button into a <nav> without a name; it is no navigation. */
new MutationObserver(() => {
  for (const each of document.querySelectorAll("nav.md-code__nav:not([role])")) {
    each.setAttribute("role", "none")
  }
}).observe(document.documentElement, { childList: true, subtree: true })
