/**
 * The language of the page: the player's choice, else the first of the browser's that there are texts for.
 *
 * @module
 */

import { byClass } from "./dom.ts";
import { rememberedLanguage, rememberLanguage } from "./page_storage.ts";
import { en, type Texts } from "./texts/en.ts";
import { ko } from "./texts/ko.ts";

/** Every language, by its code (BCP 47, without a region). */
export const LANGUAGES: Readonly<Record<string, Texts>> = { en, ko };

/** The attributes of `index.html` that name a text of `page`, and what each fills; `null`: the element itself. */
export const TEXT_ATTRIBUTES: readonly (readonly [attribute: string, target: string | null])[] = [
  ["data-text", null],
  ["data-text-label", "aria-label"],
  ["data-text-title", "title"],
  ["data-text-placeholder", "placeholder"],
];

/**
 * Which language to speak.
 *
 * @param chosen What the player chose; empty: nothing.
 * @param wanted What the browser asks for, best first, such as "ko-KR".
 */
export function languageOf(chosen: string, wanted: readonly string[]): string {
  const languages = [chosen, ...wanted].map((tag) => tag.toLowerCase().split("-")[0]);
  return languages.find((language) => Object.hasOwn(LANGUAGES, language)) ?? "en";
}

/** The page's language; English where there is no page. */
export const LANGUAGE = typeof document === "undefined" ? "en" : languageOf(rememberedLanguage(), navigator.languages);

/** The page's texts. */
export const TEXTS: Texts = LANGUAGES[LANGUAGE];

/** What a map or a monster is called in the page's language; as the server calls it where there is no text for it. */
export function shownName(name: string): string {
  return Object.hasOwn(TEXTS.names, name) ? TEXTS.names[name] : name;
}

/** Fills in the texts of `index.html`, and lets the player choose another language. */
export function translatePage(): void {
  document.documentElement.lang = LANGUAGE;
  for (const [attribute, target] of TEXT_ATTRIBUTES) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      const text = TEXTS.page[element.getAttribute(attribute) as keyof Texts["page"]];
      if (target === null) element.replaceChildren(...withKeys(text));
      else element.setAttribute(target, text);
    }
  }
  for (const select of byClass("language", HTMLSelectElement)) {
    for (const [language, { languageName }] of Object.entries(LANGUAGES)) {
      const option = new Option(languageName, language, false, language === LANGUAGE);
      option.lang = language;
      select.append(option);
    }
    select.addEventListener("change", () => {
      rememberLanguage(select.value);
      // A player in the world comes back to it, as by any reload.
      location.reload();
    });
  }
}

/** A text whose `{W}` are keys to press. */
function withKeys(text: string): (string | HTMLElement)[] {
  return text.split(/\{(.+?)\}/).map((part, index) => {
    if (index % 2 === 0) return part;
    const key = document.createElement("kbd");
    key.textContent = part;
    return key;
  });
}
