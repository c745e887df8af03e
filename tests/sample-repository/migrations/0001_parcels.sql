-- The API runs what is in this folder whenever a pod of it starts.
CREATE TABLE parcels (
    id      bigint PRIMARY KEY,
    carrier text NOT NULL,
    state   text NOT NULL
);
