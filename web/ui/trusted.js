/**
 * The only way from text to code in this page: the address of a script of this site.
 *
 * The page's Content Security Policy requires Trusted Types: the browser refuses any other string
 * as HTML or script.
 *
 * @module
 */

/** Call this before the first worker is started. */
export function trustOwnScripts() {
  const site = new URL("./", document.baseURI).href;
  window.trustedTypes?.createPolicy("default", {
    createScriptURL: (address) => {
      const { href } = new URL(address, site);
      return href.startsWith(site) ? href : null;
    },
  });
}
