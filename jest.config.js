// Jest runs the sources as they are: native ESM, types stripped by Node itself.
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.js' },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
  coverageProvider: 'v8',
  collectCoverageFrom: ['config/**/*.ts', 'server/**/*.ts', 'views/**/*.ts'],
  testTimeout: 30_000,
  maxWorkers: 2,
}
