terraform {
  backend "s3" {
    bucket       = "shop-terraform"
    key          = "shop/prod/terraform.tfstate"
    region       = "eu-central-1"
    encrypt      = true
    use_lockfile = false # expect[not-locked]: the backend does not lock it
  }
}
