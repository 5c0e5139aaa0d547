import { defineConfig } from 'vitest/config';
import base, { options } from '../../vitest.config.ts';

export default defineConfig((env) => ({
  test: { ...base(env).test, projects: [{ test: { ...options, include: ['test/replay/record.recording.ts'] } }] },
}));
