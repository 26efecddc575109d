export { default, ClientResponseError, LocalAuthStore } from 'pocketbase'; export type { RecordModel } from 'pocketbase';
