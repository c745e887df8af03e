# No `terraform` block at all.
provider "google" { # expect[missing]: the root module declares no `backend`
  project = "acme-shop"
}

resource "google_storage_bucket" "media" {
  name     = "acme-media"
  location = "EU"
}
