import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

export default defineConfig((env) => ({ test: { ...base(env).test, include: ['test/replay/record.recording.ts'] } }));
