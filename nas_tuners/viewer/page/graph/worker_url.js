/** Where the layout's worker is; a page that is one file has another one in the place of this. */

export const workerUrl = () => new URL("./worker.js", import.meta.url).href;
