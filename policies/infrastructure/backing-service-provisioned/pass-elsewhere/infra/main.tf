provider "google" {
  project = "acme"
}
