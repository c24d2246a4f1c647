/**
 * The one way in which text may become code in this page: the address of a script of this site.
 *
 * The page's Content Security Policy asks for it (Trusted Types): whatever else is made into HTML
 * or script out of a string is refused by the browser.
 *
 * @module
 */

/** To be called before the first worker is started. */
export function trustOwnScripts() {
  const site = new URL("./", document.baseURI).href;
  window.trustedTypes?.createPolicy("default", {
    createScriptURL: (address) => {
      const { href } = new URL(address, site);
      return href.startsWith(site) ? href : null;
    },
  });
}
