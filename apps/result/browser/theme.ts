const DARK = '(prefers-color-scheme: dark)';

let darkRule: CSSMediaRule | undefined;
let isDark = matchMedia(DARK).matches;

/**
 * Goes from light to dark or back, until the page is left. The stylesheet has the dark colours once, for browsers that ask
 * for them: which media that rule is for is what changes.
 */
export function toggleTheme(): void {
  darkRule ??= findDarkRule();
  if (!darkRule) return;
  isDark = !isDark;
  darkRule.media.mediaText = isDark ? 'screen' : 'not all';
}

function findDarkRule(): CSSMediaRule | undefined {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
  return rules.find(
    (rule): rule is CSSMediaRule => rule instanceof CSSMediaRule && rule.media.mediaText.includes('dark'),
  );
}
