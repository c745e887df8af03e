terraform {
  backend "s3" {
    bucket = "shop-terraform"
    key    = "network/terraform.tfstate"
    region = "eu-central-1"
  }
}
