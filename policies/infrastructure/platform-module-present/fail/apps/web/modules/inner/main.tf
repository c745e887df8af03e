resource "aws_route53_record" "this" {
  name = "web"
}
