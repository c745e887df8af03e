terraform {
  backend "gcs" {
    bucket = "shop-terraform"
    prefix = "shop"
  }
}
