/** What components are written with: templates, hooks. */

import { Fragment, createElement, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";
import {
  useCallback, useEffect, useErrorBoundary, useId, useLayoutEffect, useMemo, useReducer, useRef,
  useState,
} from "./vendor/hooks.js";

/** A template of elements: html`<p>${text}</p>`. What is put in is text or elements, never markup. */
const html = htm.bind(createElement);

export {
  Fragment, html, render,
  useCallback, useEffect, useErrorBoundary, useId, useLayoutEffect, useMemo, useReducer, useRef,
  useState,
};
