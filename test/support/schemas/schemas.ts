import { music } from './music/music.ts';
import type { Schema } from './schema.ts';
import { trade } from './trade/trade.ts';
import { video } from './video/video.ts';

export const SCHEMAS: readonly Schema[] = [music, trade, video];
