// Draws what browsers want as files of their own, from the drawing of the two animals in views/mark.eta: the icons, and
// the preview of a link. Run it after a change of the drawing, and commit what it writes: `pnpm --filter @hbf/page-kit draw`.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findChromium } from '@hbf/local-services/find-chromium';
import { chromium } from 'playwright-core';

const browserFolder = join(import.meta.dirname, 'browser');
const mark = await readFile(join(import.meta.dirname, 'views/mark.eta'), 'utf8');
const symbols = mark.match(/<symbol[\s\S]*<\/symbol>/)[0].replaceAll('\n', '');
const stylesheet = await readFile(join(browserFolder, 'style.css'), 'utf8');

/** A colour of the stylesheet's light theme. */
const colour = (name) => stylesheet.match(new RegExp(`--${name}: (#[0-9a-f]{6})`))[1];
const line = (name) => `fill:none;stroke:${colour(name)};stroke-width:3;stroke-linecap:round`;
const style = [
  ...['cat', 'cat-light', 'dog', 'dog-light', 'dog-dark'].map((name) => `.${name}{fill:${colour(name)}}`),
  `.cat-line{${line('cat-dark')}}.ink{fill:${colour('drawn')}}.ink-line{${line('drawn')}}.glint{fill:#fff}.tongue{fill:#ee7f8d}`,
].join('');

const icon =
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><title>A cat and a dog</title><style>${style}</style>` +
  `${symbols}<use href="#dog" x="38" y="4" width="62" height="62"/><use href="#cat" x="0" y="30" width="68" height="68"/></svg>\n`;
await writeFile(join(browserFolder, 'icon.svg'), icon);

const preview = `<style>${style}
  body { margin: 0; width: 1200px; height: 630px; background: ${colour('ground')}; color: ${colour('text')};
    font: 700 76px system-ui, sans-serif; display: grid; grid-template-rows: 1fr auto; }
  svg { display: block; margin: auto auto -10px; width: 640px; height: 287px; }
  div { padding: 44px 0 52px; background: ${colour('card')}; text-align: center; border-top: 4px solid ${colour('hair')}; }
  p { margin: 8px 0 0; font: 400 36px system-ui, sans-serif; color: ${colour('soft')}; }</style>
  <svg viewBox="0 0 232 104">${symbols}<use href="#cat" x="4" y="2" width="104" height="104"/><use href="#dog" x="118" y="-4" width="106" height="106"/></svg>
  <div>HumansBestFriend<p>Live voting that can be trusted</p></div>`;

const browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
async function draw(name, html, width, height) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.setContent(html);
  await page.screenshot({ path: join(browserFolder, name) });
}
await draw('preview.png', preview, 1200, 630);
await draw('touch.png', `<body style="margin:18px;background:${colour('ground')}">${icon}`, 180, 180);
await browser.close();
