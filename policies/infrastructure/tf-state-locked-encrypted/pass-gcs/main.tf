terraform {
  backend "gcs" {
    bucket = "shop-terraform"
  }
}
